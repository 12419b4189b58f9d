//! The values of one column, a batch of rows at a time.

use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType, FixedLenByteArray, Int96},
    errors::Result,
};

use super::schema::Scalar;
use crate::json::write_key;

/// A column of a row group, read forward.
pub(super) trait Column: Send {
    /// Reads the values of the next `rows` rows; returns the number of rows read.
    fn fill(&mut self, rows: usize) -> Result<usize>;

    /// The definition level of the next value; `None` at the end of the batch.
    fn definition(&self) -> Option<i16>;

    /// The repetition level of the next value; `None` at the end of the batch.
    fn repetition(&self) -> Option<i16>;

    /// Skips the next value.
    fn skip(&mut self);

    /// Writes the next value, which must be present, as JSON.
    fn write(&mut self, scalar: &Scalar, out: &mut Vec<u8>);
}

/// The column that `reader` reads.
pub(super) fn column(reader: ColumnReader, levels: (i16, i16)) -> Box<dyn Column> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => ColumnBatch::of(reader, levels),
        ColumnReader::Int32ColumnReader(reader) => ColumnBatch::of(reader, levels),
        ColumnReader::Int64ColumnReader(reader) => ColumnBatch::of(reader, levels),
        ColumnReader::Int96ColumnReader(reader) => ColumnBatch::of(reader, levels),
        ColumnReader::FloatColumnReader(reader) => ColumnBatch::of(reader, levels),
        ColumnReader::DoubleColumnReader(reader) => ColumnBatch::of(reader, levels),
        ColumnReader::ByteArrayColumnReader(reader) => ColumnBatch::of(reader, levels),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => ColumnBatch::of(reader, levels),
    }
}

struct ColumnBatch<T: DataType> {
    reader: ColumnReaderImpl<T>,
    definition_max: i16,
    repetition_max: i16,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Vec<T::T>,
    /// Levels in the batch, and how many of them are consumed.
    levels: usize,
    level: usize,
    value: usize,
}

impl<T: DataType> ColumnBatch<T>
where
    T::T: WriteJson,
{
    fn of(reader: ColumnReaderImpl<T>, levels: (i16, i16)) -> Box<dyn Column> {
        Box::new(Self {
            reader,
            definition_max: levels.0,
            repetition_max: levels.1,
            definitions: Vec::new(),
            repetitions: Vec::new(),
            values: Vec::new(),
            levels: 0,
            level: 0,
            value: 0,
        })
    }
}

impl<T: DataType> Column for ColumnBatch<T>
where
    T::T: WriteJson,
{
    fn fill(&mut self, rows: usize) -> Result<usize> {
        self.definitions.clear();
        self.repetitions.clear();
        self.values.clear();
        (self.level, self.value) = (0, 0);
        let (records, _, levels) = self.reader.read_records(
            rows,
            Some(&mut self.definitions),
            Some(&mut self.repetitions),
            &mut self.values,
        )?;
        self.levels = levels;
        Ok(records)
    }

    fn definition(&self) -> Option<i16> {
        if self.level >= self.levels {
            None
        } else if self.definition_max == 0 {
            Some(0)
        } else {
            self.definitions.get(self.level).copied()
        }
    }

    fn repetition(&self) -> Option<i16> {
        if self.level >= self.levels {
            None
        } else if self.repetition_max == 0 {
            Some(0)
        } else {
            self.repetitions.get(self.level).copied()
        }
    }

    fn skip(&mut self) {
        self.value += usize::from(self.definition() == Some(self.definition_max));
        self.level += 1;
    }

    fn write(&mut self, scalar: &Scalar, out: &mut Vec<u8>) {
        match self.values.get(self.value) {
            Some(value) => value.write(scalar, out),
            None => out.extend_from_slice(b"null"),
        }
        self.skip();
    }
}

/// A value that may have a JSON equivalent.
trait WriteJson: Send {
    fn write(&self, scalar: &Scalar, out: &mut Vec<u8>);
}

/// `{"parquet": …}`: no format accepts an object as a text, so a row that needs this value is
/// rejected, and any other row is unaffected.
fn write_other(scalar: &Scalar, otherwise: &str, out: &mut Vec<u8>) {
    let called = match scalar {
        Scalar::Other(called) => called,
        Scalar::Bool | Scalar::Number | Scalar::Unsigned | Scalar::Text { .. } => otherwise,
    };
    out.extend_from_slice(b"{\"parquet\":");
    write_key(called, out);
    out.push(b'}');
}

impl WriteJson for bool {
    fn write(&self, _: &Scalar, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl WriteJson for i32 {
    fn write(&self, scalar: &Scalar, out: &mut Vec<u8>) {
        match scalar {
            Scalar::Number => out.extend_from_slice(self.to_string().as_bytes()),
            Scalar::Unsigned => out.extend_from_slice(self.cast_unsigned().to_string().as_bytes()),
            Scalar::Bool | Scalar::Text { .. } | Scalar::Other(_) => {
                write_other(scalar, "INT32", out);
            }
        }
    }
}

impl WriteJson for i64 {
    fn write(&self, scalar: &Scalar, out: &mut Vec<u8>) {
        match scalar {
            Scalar::Number => out.extend_from_slice(self.to_string().as_bytes()),
            Scalar::Unsigned => out.extend_from_slice(self.cast_unsigned().to_string().as_bytes()),
            Scalar::Bool | Scalar::Text { .. } | Scalar::Other(_) => {
                write_other(scalar, "INT64", out);
            }
        }
    }
}

impl WriteJson for Int96 {
    fn write(&self, scalar: &Scalar, out: &mut Vec<u8>) {
        write_other(scalar, "INT96", out);
    }
}

/// JSON has neither NaN nor the infinities; data frames use NaN for missing values.
fn write_float(finite: bool, digits: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(if finite { digits.as_bytes() } else { b"null" });
}

impl WriteJson for f32 {
    fn write(&self, _: &Scalar, out: &mut Vec<u8>) {
        write_float(self.is_finite(), &format!("{self:?}"), out);
    }
}

impl WriteJson for f64 {
    fn write(&self, _: &Scalar, out: &mut Vec<u8>) {
        write_float(self.is_finite(), &format!("{self:?}"), out);
    }
}

impl WriteJson for ByteArray {
    fn write(&self, scalar: &Scalar, out: &mut Vec<u8>) {
        match (std::str::from_utf8(self.data()), scalar) {
            (Ok(text), Scalar::Text { .. }) => write_key(text, out),
            // Written as it is, so that the row is rejected like one of a JSONL file: it is not
            // valid UTF-8.
            (Err(_), Scalar::Text { annotated: true }) => {
                out.push(b'"');
                out.extend_from_slice(self.data());
                out.push(b'"');
            }
            (Ok(_) | Err(_), _) => write_other(scalar, "BYTE_ARRAY", out),
        }
    }
}

impl WriteJson for FixedLenByteArray {
    fn write(&self, scalar: &Scalar, out: &mut Vec<u8>) {
        write_other(scalar, "FIXED_LEN_BYTE_ARRAY", out);
    }
}
