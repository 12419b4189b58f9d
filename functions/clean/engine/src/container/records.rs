//! The rows of a dataset, from its first bytes to its end.

use std::io::{self, Read};

use super::{
    Compression, Container, Encoding, Layout,
    array::Array,
    csv,
    decode::{Decoder, LIMITS},
    lines::LineReader,
    parquet,
    sniff::{self, Sniffed},
    whole::{WHOLE_BYTES_MAX, WholeRows},
    window::Window,
};
use crate::{
    batch::{BATCH_BYTES, BYTE_ORDER_MARK, Batch, Cut},
    meter::{Crc32c, Meter, Metered},
    row_span::{RowNumbers, RowPosition, RowSpan},
    rule::Fault,
    rules,
    settings::Settings,
    source::Source,
};

/// The rows of a dataset, batch after batch.
pub(crate) struct Records<'r> {
    source: &'r dyn Source,
    meter: Meter,
    container: Container,
    compression: Compression,
    encoding: Encoding,
    rows: RowReader<'r>,
    cause: Option<String>,
}

/// What remains to be read.
enum RowReader<'r> {
    /// Rows that are lines.
    Lines(LineReader<Decoder<'r>>),
    /// Rows that are elements.
    Array(Array, Window<'r>),
    /// Rows of a file that was read whole.
    Whole(WholeRows, Window<'r>),
    /// Rows that are records below a header.
    Csv(csv::CsvReader, Window<'r>),
    /// Rows that are spread over columns, and are not read in file order.
    Parquet(Box<parquet::ParquetReader>),
    /// No rows.
    None(Window<'r>),
    /// No rows, and the file was not read to the end.
    Unread,
}

impl<'r> Records<'r> {
    /// Reads the first bytes and prepares to read rows, by `settings`: the encoding that a recipe names,
    /// and the columns that it maps, which help to recognise a header.
    pub(crate) fn open(source: &'r dyn Source, settings: &Settings) -> io::Result<Self> {
        let named = settings.encoding();
        let meter = Meter::default();
        let mut window = Window::new(Decoder::open(metered(source, &meter)?, LIMITS, named)?);
        // One more byte, to know whether the prefix is the whole file.
        window.fill_to(sniff::PREFIX_BYTES + 1)?;
        if window.available().starts_with(b"\xEF\xBB\xBF") {
            window.skip_mark();
            window.fill_to(sniff::PREFIX_BYTES + 1)?;
        }
        let mut records = Self {
            source,
            meter,
            container: Container::Empty,
            compression: window.decoder().compression(),
            encoding: window.decoder().encoding(),
            rows: RowReader::Unread,
            cause: None,
        };
        // Independent of how many bytes arrived at once: every reader must decide the same.
        let (prefix, complete) = match window.available().get(..sniff::PREFIX_BYTES) {
            Some(prefix) => (prefix, window.available().len() == prefix.len()),
            None => (window.available(), true),
        };
        let sniffed = sniff::sniff(prefix, complete, &settings.columns);
        let is_json = matches!(
            sniffed,
            Sniffed::Lines | Sniffed::Values { .. } | Sniffed::Wrapped { .. }
        );
        let whole = if is_json && sniff::may_be_whole(prefix) {
            read_whole(source, named)?
        } else {
            None
        };
        (records.container, records.rows) = match whole {
            Some(rows) => (Container::Whole, RowReader::Whole(rows, window)),
            None => records.prepare(sniffed, window)?,
        };
        if let Container::Unreadable(_) | Container::Parquet = records.container {
            records.encoding = Encoding::Binary;
        }
        Ok(records)
    }

    /// Advances to the start of the rows.
    fn prepare(
        &mut self,
        sniffed: Sniffed,
        mut window: Window<'r>,
    ) -> io::Result<(Container, RowReader<'r>)> {
        Ok(match sniffed {
            // There are bytes, but none of them could be decoded.
            Sniffed::Empty if window.decoder().is_broken() => {
                let compressed = Container::Unreadable(self.compression.name());
                (compressed, RowReader::None(window))
            }
            Sniffed::Empty => (Container::Empty, RowReader::None(window)),
            Sniffed::Unreadable(what) => (Container::Unreadable(what), RowReader::None(window)),
            // Parquet's index is at its end, and compressed data can be read only from the start.
            Sniffed::Parquet if self.compression != Compression::None => {
                let compressed = Container::Unreadable("Parquet inside a compressed file");
                (compressed, RowReader::None(window))
            }
            Sniffed::Parquet => {
                // This connection would stay idle for minutes, and connections are not kept open
                // that long.
                drop(window);
                self.open_table()?
            }
            Sniffed::Lines => {
                let (rest, read) = window.into_rest();
                (
                    Container::Lines,
                    RowReader::Lines(LineReader::new(rest, read)),
                )
            }
            Sniffed::Csv { header, start } => {
                window.consume(start);
                let container = match header.delimiter() {
                    b'\t' => Container::Tsv,
                    _ => Container::Csv,
                };
                (
                    container,
                    RowReader::Csv(csv::CsvReader::new(header), window),
                )
            }
            Sniffed::Values { start } => {
                window.consume(start);
                (Container::Values, RowReader::Array(Array::bare(), window))
            }
            Sniffed::Array { start } => {
                window.consume(start);
                (Container::Array, RowReader::Array(Array::default(), window))
            }
            Sniffed::Wrapped { key, start } => {
                window.consume(start);
                let array = Array::within_object(key);
                (Container::Wrapped, RowReader::Array(array, window))
            }
        })
    }

    fn open_table(&mut self) -> io::Result<(Container, RowReader<'r>)> {
        Ok(match parquet::ParquetReader::open(self.source, LIMITS)? {
            Ok(table) => (Container::Parquet, RowReader::Parquet(Box::new(table))),
            Err(cause) => {
                self.cause = Some(cause);
                (Container::Unreadable("Parquet"), RowReader::Unread)
            }
        })
    }

    /// What the bytes of every row are.
    pub(crate) fn layout(&self) -> Layout {
        match &self.rows {
            RowReader::Csv(table, _) => Layout::Csv(table.header()),
            RowReader::Lines(_)
            | RowReader::Array(..)
            | RowReader::Whole(..)
            | RowReader::Parquet(_)
            | RowReader::None(_)
            | RowReader::Unread => Layout::Json,
        }
    }

    /// How rows are found.
    pub(crate) fn numbers(&self) -> RowNumbers {
        match &self.rows {
            RowReader::Array(array, _) => array.numbers(),
            RowReader::Whole(..) | RowReader::Parquet(_) => RowNumbers::Row,
            RowReader::Csv(..) | RowReader::Lines(_) | RowReader::None(_) | RowReader::Unread => {
                RowNumbers::Line
            }
        }
    }

    /// Whether rows take as many bytes as in the upload.
    pub(crate) fn is_plain(&self) -> bool {
        self.compression == Compression::None && self.encoding == Encoding::Utf8
    }

    /// Whether rows are lines as uploaded, so that any range of bytes has its own rows.
    pub(crate) fn are_plain_lines(&self) -> bool {
        self.is_plain() && self.container == Container::Lines
    }

    /// Fills `batch` with the next rows; `false` after the last.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        match &mut self.rows {
            RowReader::Lines(lines) => lines.fill(batch),
            RowReader::Array(array, window) => fill(batch, |bytes| {
                let span = array.advance(window)?;
                bytes.extend_from_slice(window.row());
                Ok(span)
            }),
            RowReader::Whole(rows, _) => fill(batch, |bytes| {
                let span = rows.advance();
                if span.is_some() {
                    bytes.extend_from_slice(rows.bytes());
                }
                Ok(span)
            }),
            RowReader::Csv(table, window) => fill(batch, |bytes| {
                let span = table.advance(window)?;
                bytes.extend_from_slice(window.row());
                Ok(span)
            }),
            RowReader::Parquet(table) => fill(batch, |bytes| {
                let span = table.advance()?;
                bytes.extend_from_slice(table.bytes());
                Ok(span)
            }),
            RowReader::None(_) | RowReader::Unread => Ok(false),
        }
    }

    /// Bytes of the upload read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        match &self.rows {
            RowReader::Parquet(table) => table.bytes_read(),
            RowReader::Lines(_)
            | RowReader::Array(..)
            | RowReader::Whole(..)
            | RowReader::Csv(..)
            | RowReader::None(_)
            | RowReader::Unread => self.meter.bytes(),
        }
    }

    /// Reads the rest, and returns how the dataset ended.
    pub(crate) fn finish(mut self) -> io::Result<DatasetEnd> {
        let mut blank_lines = 0;
        let at_line = |(line, fault)| (RowPosition::of_line(line), fault);
        let (line, decoder, fault) = match self.rows {
            // The lines are counted by the code that processes them.
            RowReader::Lines(lines) => (0, lines.into_reader(), None),
            RowReader::Array(mut array, mut window) => {
                let fault = array.finish(&mut window)?;
                (window.line(), window.into_rest().1, fault.map(at_line))
            }
            RowReader::Csv(table, window) => {
                blank_lines = table.blank_lines();
                (window.line(), window.into_rest().1, None)
            }
            RowReader::None(window) | RowReader::Whole(_, window) => {
                (window.line(), window.into_rest().1, None)
            }
            RowReader::Parquet(table) => {
                (0, read_anew(self.source, &mut self.meter)?, table.finish())
            }
            RowReader::Unread => (0, read_anew(self.source, &mut self.meter)?, None),
        };
        // Compressed or encoded text that ends early explains why an array is not closed, so that
        // fault takes precedence.
        let broken = decoder.finish()?.map(|fault| at_line((line, fault)));
        Ok(DatasetEnd {
            bytes: self.meter.bytes(),
            crc32c: self.meter.crc32c(),
            container: self.container,
            compression: self.compression,
            encoding: self.encoding,
            blank_lines,
            fault: broken.or(fault),
            cause: self.cause,
        })
    }
}

/// The rows of a file that must be read whole; `None` where it is too large, or something else.
fn read_whole(
    source: &dyn Source,
    named: Option<&'static encoding_rs::Encoding>,
) -> io::Result<Option<WholeRows>> {
    let decoder = Decoder::open(source.open()?, LIMITS, named)?;
    let limit = u64::try_from(WHOLE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    decoder.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > WHOLE_BYTES_MAX {
        return Ok(None);
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    Ok(std::str::from_utf8(bytes).ok().and_then(WholeRows::of))
}

/// A second reader, to measure a file that was not read in order.
fn read_anew<'r>(source: &'r dyn Source, meter: &mut Meter) -> io::Result<Decoder<'r>> {
    *meter = Meter::default();
    Decoder::open(metered(source, meter)?, LIMITS, None)
}

fn metered<'r>(source: &'r dyn Source, meter: &Meter) -> io::Result<Box<dyn Read + Send + 'r>> {
    Ok(Box::new(Metered::new(source.open()?, meter.clone())))
}

/// Fills `batch` with rows; `next` appends the next one's bytes.
fn fill(
    batch: &mut Batch,
    mut next: impl FnMut(&mut Vec<u8>) -> io::Result<Option<RowSpan>>,
) -> io::Result<bool> {
    let mut rows = Vec::new();
    batch.bytes.clear();
    while batch.bytes.len() < BATCH_BYTES {
        let start = batch.bytes.len();
        let Some(span) = next(&mut batch.bytes)? else {
            break;
        };
        rows.push((span, start..batch.bytes.len()));
    }
    let some = !rows.is_empty();
    batch.cut = Cut::Rows(rows);
    Ok(some)
}

/// How a dataset ended.
#[derive(Debug)]
pub(crate) struct DatasetEnd {
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// Its checksum.
    pub(crate) crc32c: Crc32c,
    /// The container of its rows.
    pub(crate) container: Container,
    /// Its compression.
    pub(crate) compression: Compression,
    /// Its character encoding.
    pub(crate) encoding: Encoding,
    /// Blank lines that were not counted on the way.
    pub(crate) blank_lines: u64,
    /// The fault at its end, and where that is; lines that are rows are counted by the code that
    /// processes them, so there it is on line 0.
    pub(crate) fault: Option<(RowPosition, Fault)>,
    /// Why no row could be read although the file looked readable.
    pub(crate) cause: Option<String>,
}

impl DatasetEnd {
    /// Whether the engine stopped reading before the end.
    pub(crate) fn is_refused(&self) -> bool {
        let refused = |(_, fault): &(RowPosition, Fault)| {
            fault.rule.code == rules::expands_too_much::RULE.code
        };
        self.fault.as_ref().is_some_and(refused)
    }
}
