//! The library's error type: every variant names the file, line, key or trial it is about, what was
//! expected and what to do.
//!
//! Divergence, NaN and stalls are not here: they are outcomes of trials (see [`crate::stop::Outcome`]).

use std::io;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, NamedSource, SourceSpan};

/// Shorthand used throughout the crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong outside the numerics.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum Error {
    /// A study that cannot be run as written: a key, a value or the size of the sweep.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] Box<ConfigError>),

    /// A data file (inputs of a regression, matrices of a target or of the initial weights) that
    /// cannot be used.
    #[error("{}: {message}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong, with row and column where known.
        message: String,
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// A wrong request on the command line.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// The operating system refused a file operation.
    #[error("cannot {action} {}", path.display())]
    Storage {
        /// Verb that completes "cannot ...", for instance `create`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// A stored file whose content is not what it must be: damaged, foreign, or contradicting another.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// The machine or its libraries cannot be trusted with this run.
    #[error("{message}")]
    Environment {
        /// What is wrong.
        message: String,
        /// What to do.
        #[help]
        help: Option<String>,
    },
}

impl Error {
    /// A [`Error::Storage`] for `map_err`: `File::open(p).map_err(Error::storage("open", p))`.
    pub fn storage(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            let help = storage_help(action, source.kind());
            Self::Storage { action, path, source, help }
        }
    }

    /// A [`Error::Data`].
    pub fn data(path: &Path, message: impl Into<String>, help: Option<String>) -> Self {
        Self::Data { path: path.to_owned(), message: message.into(), help }
    }

    /// A [`Error::Content`].
    pub fn content(path: &Path, message: impl Into<String>, help: Option<String>) -> Self {
        Self::Content { path: path.to_owned(), message: message.into(), help }
    }

    /// A [`Error::Usage`].
    pub fn usage(message: impl Into<String>, help: Option<String>) -> Self {
        Self::Usage { message: message.into(), help }
    }

    /// The same error where it ended a run: that what is finished is kept, if there was no room for more.
    #[must_use]
    pub fn of_a_run(mut self) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if let Self::Storage { source, help: Some(help), .. } = &mut self
            && matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
        {
            help.push_str(": what is finished is kept, and the run continues from it");
        }
        self
    }

    /// The exit status of the program: 2 usage or configuration, 3 storage, 4 unsafe environment.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Data { .. } | Self::Usage { .. } => 2,
            Self::Storage { .. } | Self::Content { .. } => 3,
            Self::Environment { .. } => 4,
        }
    }
}

/// What to do about a refused file operation, where that is known.
fn storage_help(action: &str, kind: io::ErrorKind) -> Option<String> {
    let reads = action.starts_with("read") || ["open", "list"].contains(&action);
    let help = match kind {
        io::ErrorKind::PermissionDenied if reads => {
            "you may not read it: `ls -l` says who may, `chmod` changes it"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space there (or raise the quota) and run the same command again"
        }
        io::ErrorKind::FileTooLarge => {
            "the system limits the size of files (`ulimit -f`): raise the limit and run the same \
             command again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a directory that you may write to with -o"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// A refused configuration, pointing into the text it came from.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct ConfigError {
    /// What is wrong, naming the key and what is allowed.
    pub message: String,
    /// The text that holds the mistake: the study file, or one `--set`.
    #[source_code]
    pub source_code: Option<NamedSource<String>>,
    /// Where in that text.
    #[label("{label}")]
    pub span: Option<SourceSpan>,
    /// Words under the caret.
    pub label: String,
    /// What to do: the nearest valid key, the allowed values.
    #[help]
    pub help: Option<String>,
    /// Further mistakes found in the same configuration.
    #[related]
    pub others: Vec<ConfigError>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use io::ErrorKind::{PermissionDenied, StorageFull};

    fn help(error: Error) -> String {
        Diagnostic::help(&error).expect("advice").to_string()
    }

    #[test]
    fn advice_is_of_what_was_done() {
        let refused =
            |action, kind: io::ErrorKind| Error::storage(action, Path::new("x"))(kind.into());
        assert!(help(refused("open", PermissionDenied)).contains("may not read it"));
        assert!(help(refused("create", PermissionDenied)).contains("with -o"));
        assert!(help(refused("write", StorageFull)).ends_with("run the same command again"));
        let of_a_run = refused("write", StorageFull).of_a_run();
        assert!(help(of_a_run).ends_with("the run continues from it"));
        assert!(help(refused("create", PermissionDenied).of_a_run()).ends_with("with -o"));
    }
}
