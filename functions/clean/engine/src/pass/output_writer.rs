//! The output files while they are being written.

use std::io;

use crate::{
    error::Error,
    meter::Crc32c,
    outputs::{OutputFile, OutputFileSummary, Outputs, Written},
};

/// Bytes buffered before a file's writer is called. Always this many, so that writes start at
/// multiples of it: the system handles aligned writes in fewer and larger pieces. More at once gain
/// nothing.
const BUFFER_BYTES: usize = 128 << 10;

/// Writers of all output files; without outputs, they discard what is written.
pub(crate) struct OutputWriters<'o> {
    outputs: Option<&'o mut dyn Outputs>,
    writers: [FileWriter; OutputFile::ALL.len()],
}

impl<'o> OutputWriters<'o> {
    pub(crate) fn new(outputs: Option<&'o mut dyn Outputs>) -> Self {
        Self {
            outputs,
            writers: OutputFile::ALL.map(|_| FileWriter::default()),
        }
    }

    /// Whether there are outputs.
    pub(crate) fn is_writing(&self) -> bool {
        self.outputs.is_some()
    }

    /// Discards everything from now on: another pass will write.
    pub(crate) fn stop(&mut self) {
        self.outputs = None;
    }

    /// Appends `rows` rows that consist of `pieces`.
    pub(crate) fn write(
        &mut self,
        file: OutputFile,
        rows: u64,
        pieces: &[&[u8]],
    ) -> Result<(), Error> {
        let Some(outputs) = &mut self.outputs else {
            return Ok(());
        };
        let writer = self.writers.writer(file);
        writer.rows += rows;
        for piece in pieces {
            writer.add(file, *outputs, piece)?;
        }
        Ok(())
    }

    /// Flushes all files; `None` where there are no outputs.
    pub(crate) fn finish(mut self) -> Result<Option<Written>, Error> {
        let Some(outputs) = self.outputs else {
            return Ok(None);
        };
        for file in OutputFile::ALL {
            self.writers.writer(file).flush(file, outputs)?;
            let flushed = outputs.writer(file).flush();
            flushed.map_err(|source| Error::Write { file, source })?;
        }
        let [train, validation, eval, rejected, corrected] = self.writers.map(FileWriter::summary);
        Ok(Some(Written {
            train,
            validation,
            eval,
            rejected,
            corrected,
        }))
    }
}

trait ByFile {
    fn writer(&mut self, file: OutputFile) -> &mut FileWriter;
}

impl ByFile for [FileWriter; OutputFile::ALL.len()] {
    fn writer(&mut self, file: OutputFile) -> &mut FileWriter {
        let [train, validation, eval, rejected, corrected] = self;
        match file {
            OutputFile::Train => train,
            OutputFile::Validation => validation,
            OutputFile::Eval => eval,
            OutputFile::Rejected => rejected,
            OutputFile::Corrected => corrected,
        }
    }
}

/// The buffered writer of one file.
#[derive(Debug, Default)]
struct FileWriter {
    buffer: Vec<u8>,
    rows: u64,
    bytes: u64,
    crc32c: Crc32c,
}

impl FileWriter {
    fn flush(&mut self, file: OutputFile, outputs: &mut dyn Outputs) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        self.put(file, outputs, &buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    /// Adds `piece`, and writes whenever the buffer is full.
    fn add(
        &mut self,
        file: OutputFile,
        outputs: &mut dyn Outputs,
        mut piece: &[u8],
    ) -> Result<(), Error> {
        loop {
            let room = BUFFER_BYTES.saturating_sub(self.buffer.len());
            let Some((fits, rest)) = piece.split_at_checked(room) else {
                self.buffer.extend_from_slice(piece);
                return Ok(());
            };
            self.buffer.extend_from_slice(fits);
            self.flush(file, outputs)?;
            piece = rest;
        }
    }

    fn put(
        &mut self,
        file: OutputFile,
        outputs: &mut dyn Outputs,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.crc32c = self.crc32c.append(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let written = outputs.writer(file).write_all(bytes);
        written.map_err(|source: io::Error| Error::Write { file, source })
    }

    fn summary(self) -> OutputFileSummary {
        OutputFileSummary {
            rows: self.rows,
            bytes: self.bytes,
            crc32c: self.crc32c,
        }
    }
}
