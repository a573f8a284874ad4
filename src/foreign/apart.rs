//! HDF5's library in a process of its own.
//!
//! Files can be made on which that library crashes, never ends or takes all memory, and more ways to
//! do so are found every year. So the program has foreign HDF5 read by a process of its own, with
//! limits, which hands back what it read: that it dies is then the file's error and nothing else's.
//! What it sends are frames: a tag, the length of what follows, and that.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use super::Refusal;

/// The command of the program that reads for another process.
pub(crate) const COMMAND: &str = "read-apart";

/// Longest frame in bytes.
const LONGEST: u64 = 1 << 30;

/// Something that was read.
const CONTENT: u8 = b'c';
/// Why reading ended early: a [`Refusal`], and the last frame.
const REFUSED: u8 = b'r';
/// All is said.
const END: u8 = b'e';

/// This program, if it is one that knows [`COMMAND`].
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// From now on foreign HDF5 is read by another process of `program`.
pub(crate) fn use_program(program: PathBuf) {
    // Only the first call counts, and all say the same.
    let _ = PROGRAM.set(program);
}

/// A process that reads a file.
pub(crate) struct Apart {
    path: PathBuf,
    child: Child,
    frames: BufReader<ChildStdout>,
}

impl Apart {
    /// Starts a process that reads `path`, with these arguments after [`COMMAND`]; `None` if there is no program
    /// for it, as in programs of others that use the library.
    pub(crate) fn start(arguments: &[&OsStr], path: &Path) -> Option<Result<Self, Refusal>> {
        let program = PROGRAM.get()?;
        Some(
            Self::start_program(program, arguments, path)
                .map_err(|e| Refusal::plain(format!("no process can be started to read it: {e}"))),
        )
    }

    fn start_program(program: &Path, arguments: &[&OsStr], path: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg(COMMAND)
            .args(arguments)
            .arg("--")
            .arg(path)
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { path: path.to_owned(), child, frames: BufReader::new(stdout) })
    }

    /// What was read next; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        match frame(&mut self.frames) {
            Ok((CONTENT, content)) => Ok(Some(content)),
            Ok((END, _)) => Ok(None),
            Ok((REFUSED, refusal)) => {
                Err(serde_json::from_slice(&refusal).unwrap_or_else(|_| self.died()))
            }
            _ => Err(self.died()),
        }
    }

    /// The refusal of a file whose reader died.
    fn died(&mut self) -> Refusal {
        // It has closed its end or says nonsense.
        let _ = self.child.kill();
        let ended = self.child.wait();
        if ended.as_ref().is_ok_and(ran_out_of_time) {
            return Refusal::new(
                format!(
                    "reading it took too long: a file of its size has at most {} s of processor time",
                    seconds(&self.path)
                ),
                "if it is in order, ask for less of it at a time, of results a figure or a table instead of a page; \
                 if not, take it from its source again",
            );
        }
        let how = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
        Refusal::new(
            format!("HDF5's library cannot read it: its process died ({how})"),
            "the file is damaged or was made to harm: take it from its source again",
        )
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // It has ended, or nobody wants the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds of the processor that a process has for a file: what is read and drawn grows with its size, holes in
/// it left out.
pub(crate) fn seconds(path: &Path) -> u64 {
    /// For any file at least and at most, and bytes that take another second.
    const LEAST: u64 = 20;
    const MOST: u64 = 3600;
    const BYTES: u64 = 1 << 19;
    let length = path.metadata().map_or(0, |metadata| length_on_disk(&metadata));
    LEAST.saturating_add(length / BYTES).min(MOST)
}

#[cfg(unix)]
fn length_on_disk(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.len().min(metadata.blocks().saturating_mul(512))
}

#[cfg(not(unix))]
fn length_on_disk(metadata: &Metadata) -> u64 {
    metadata.len()
}

/// Whether a process was ended because its seconds were over.
#[cfg(unix)]
fn ran_out_of_time(status: &ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn ran_out_of_time(_: &ExitStatus) -> bool {
    false
}

/// Reads a frame: its tag and its content.
fn frame(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let (mut tag, mut length) = ([0], [0; 8]);
    from.read_exact(&mut tag)?;
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut content = Vec::new();
    from.take(length).read_to_end(&mut content)?;
    match content.len() as u64 == length {
        true => Ok((tag[0], content)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The other end: says what was read.
pub(crate) struct Reply<'a>(pub(crate) &'a mut dyn Write);

impl Reply<'_> {
    /// Says a part of what was read.
    pub(crate) fn content(&mut self, content: &[u8]) -> io::Result<()> {
        self.frame(CONTENT, content)
    }

    /// Says why the file is not read.
    pub(crate) fn refused(&mut self, refusal: &Refusal) -> io::Result<()> {
        self.frame(REFUSED, &serde_json::to_vec(refusal)?)
    }

    /// Says that this was all.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.frame(END, &[])
    }

    fn frame(&mut self, tag: u8, content: &[u8]) -> io::Result<()> {
        self.0.write_all(&[tag])?;
        self.0.write_all(&(content.len() as u64).to_le_bytes())?;
        self.0.write_all(content)?;
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a process says that prints these bytes and ends so.
    fn said(bytes: &[u8], end: &str) -> Vec<Result<Option<Vec<u8>>, String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bytes");
        std::fs::write(&path, bytes).unwrap();
        let script = dir.path().join("program");
        let text = format!("#!/bin/sh\ncat '{}'\n{end}\n", path.display());
        std::fs::write(&script, text).unwrap();
        let arguments = [script.as_os_str()];
        let child =
            Command::new("sh").args(arguments).stdout(Stdio::piped()).spawn().map(|mut child| {
                let stdout = child.stdout.take().unwrap();
                Apart { path: path.clone(), child, frames: BufReader::new(stdout) }
            });
        let mut child = child.unwrap();
        let mut all = Vec::new();
        loop {
            let next = child.next().map_err(|refusal| refusal.message);
            let last = !matches!(next, Ok(Some(_)));
            all.push(next);
            if last {
                return all;
            }
        }
    }

    fn replies(reply: impl FnOnce(&mut Reply<'_>) -> io::Result<()>) -> Vec<u8> {
        let mut bytes = Vec::new();
        reply(&mut Reply(&mut bytes)).unwrap();
        bytes
    }

    #[test]
    fn frames_arrive() {
        let bytes = replies(|reply| {
            reply.content(b"one")?;
            reply.content(b"")?;
            reply.end()
        });
        let expected = [Ok(Some(b"one".to_vec())), Ok(Some(vec![])), Ok(None)];
        assert_eq!(said(&bytes, ""), expected);
        let bytes = replies(|reply| {
            reply.content(b"one")?;
            reply.refused(&Refusal::new("bad".into(), "go"))
        });
        assert_eq!(said(&bytes, ""), [Ok(Some(b"one".to_vec())), Err("bad".to_owned())]);
    }

    #[test]
    #[cfg(unix)]
    fn a_reader_that_dies_is_the_fault_of_the_file() {
        let whole = replies(|reply| reply.content(b"content"));
        for (bytes, end, words) in [
            (&whole[..], "kill -SEGV $$", "SIGSEGV"),
            (&whole[..10], "exit 101", "cannot read it"),
            (b"nonsense that is no frame", "sleep 100", "cannot read it"),
        ] {
            let said = said(bytes, end);
            let error = said.last().unwrap().as_ref().unwrap_err();
            assert!(error.contains("died") && error.contains(words), "{error}");
        }
        let said = said(b"", "kill -XCPU $$");
        let error = said.last().unwrap().as_ref().unwrap_err();
        assert!(error.contains("has at most 20 s of processor time"), "{error}");
    }
}
