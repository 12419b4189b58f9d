//! The same bytes in other containers and encodings, for tests.

use std::{io::Write as _, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use parquet::{
    basic::Compression as Codec,
    data_type::{ByteArray, ByteArrayType},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

/// `bytes` as one gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `bytes` as one zstd frame with a checksum, as `zstd` writes it.
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `text` in little-endian UTF-16.
pub(crate) fn utf16_le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// `text` in big-endian UTF-16.
pub(crate) fn utf16_be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// Records below a header, as the `csv` crate writes them.
pub(crate) fn csv<const N: usize>(
    delimiter: u8,
    header: &[&str; N],
    records: &[[String; N]],
) -> String {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .from_writer(Vec::new());
    writer.write_record(header).unwrap();
    for record in records {
        writer.write_record(record).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// A column of a Parquet file: its values, definition levels and repetition levels.
pub(crate) type Column<T> = (Vec<T>, Vec<i16>, Vec<i16>);

/// A Parquet file with columns of strings, nested as in `schema`, one row group after the other.
pub(crate) fn parquet(schema: &str, groups: &[Vec<Column<String>>], codec: Codec) -> Vec<u8> {
    let mut file = writer(schema, codec);
    for columns in groups {
        let mut group = file.next_row_group().unwrap();
        for (values, definitions, repetitions) in columns {
            let values: Vec<ByteArray> = values.iter().map(|text| text.as_str().into()).collect();
            let mut column = group.next_column().unwrap().unwrap();
            let written = column.typed::<ByteArrayType>().write_batch(
                &values,
                given(definitions),
                given(repetitions),
            );
            written.unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    file.into_inner().unwrap()
}

/// Levels, where a column has any.
fn given(levels: &[i16]) -> Option<&[i16]> {
    (!levels.is_empty()).then_some(levels)
}

/// A writer of a Parquet file with small pages.
pub(crate) fn writer(schema: &str, codec: Codec) -> SerializedFileWriter<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_data_page_size_limit(1_000)
        .set_write_batch_size(7)
        .build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap()
}

/// Pairs of a question and an answer in Parquet.
pub(crate) fn parquet_pairs(pairs: &[[String; 2]], codec: Codec) -> Vec<u8> {
    let schema = "message m { required binary input (UTF8); required binary output (UTF8); }";
    let column = |index: usize| {
        let texts = pairs.iter().map(|pair| pair[index].clone()).collect();
        (texts, Vec::new(), Vec::new())
    };
    parquet(schema, &[vec![column(0), column(1)]], codec)
}
