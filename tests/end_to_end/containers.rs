//! The same rows are the same version in every file format.

use std::{io::Write as _, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use parquet::{
    data_type::{ByteArray, ByteArrayType},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use serde_json::Value;
use system_tests::harness::{Harness, Setup};

use crate::{PROGRAM, rows};

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_from_every_file_format() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let lines = rows(60);
    let pairs: Vec<[String; 2]> = lines.lines().map(pair).collect();
    let csv = csv(&pairs);
    let uploads = [
        ("lines/data.jsonl", lines.clone().into_bytes()),
        ("compressed/data.jsonl.gz", gzip(lines.as_bytes())),
        ("sheet/data.csv", csv.clone().into_bytes()),
        ("unicode/data.txt", utf16(&csv)),
        ("table/data.parquet", parquet(&pairs)),
    ];
    let mut trained = Vec::new();
    for (object, content) in uploads {
        let length = u64::try_from(content.len()).unwrap();
        let upload = harness.upload(object, content).await;
        let version = harness.version_of(&upload).await;
        assert_eq!(version.rows.kept, 60, "{object}");
        assert_eq!(version.source_bytes, length, "{object}");
        let train = &version.parts["train"].artifact;
        trained.push((object, harness.object(train).await));
    }
    let (_, first) = &trained[0];
    for (object, train) in &trained {
        assert!(train == first, "{object}");
    }
}

fn pair(line: &str) -> [String; 2] {
    let row: Value = serde_json::from_str(line).unwrap();
    ["input", "output"].map(|key| row[key].as_str().unwrap().to_owned())
}

fn csv(pairs: &[[String; 2]]) -> String {
    let record = |[asked, answered]: &[String; 2]| format!("\"{asked}\",\"{answered}\"\r\n");
    let records: Vec<String> = pairs.iter().map(record).collect();
    format!("input,output\r\n{}", records.concat())
}

fn utf16(text: &str) -> Vec<u8> {
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn parquet(pairs: &[[String; 2]]) -> Vec<u8> {
    let schema = "message m { required binary input (UTF8); required binary output (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    for index in 0..2 {
        let texts: Vec<ByteArray> = pairs
            .iter()
            .map(|pair| pair[index].as_str().into())
            .collect();
        let mut column = group.next_column().unwrap().unwrap();
        let writer = column.typed::<ByteArrayType>();
        writer.write_batch(&texts, None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap()
}
