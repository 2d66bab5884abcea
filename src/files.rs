//! Files as they come in and go out: read within bounds, with errors of one line that say where;
//! written whole or not at all.
//!
//! A *piece* is one JSON object of a file, which may hold several, one after the other.
//! It does not cover what the objects mean.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::story::{cut, one_line};

/// A longer file is refused.
pub(crate) const MOST_FILE_BYTES: u64 = 256 << 20;

/// A case of more ops is refused.
pub(crate) const MOST_OPS: usize = 1_000_000;

/// A longer message is cut: it may quote what came.
const MOST_MESSAGE_CHARS: usize = 300;

/// What is wrong with a file, in one line that begins with its name.
#[derive(Debug)]
pub(crate) struct FileError(String);

impl FileError {
    pub(crate) fn new(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        let what = one_line(&what.to_string());
        FileError(cut(format!("{place}: {what}"), MOST_MESSAGE_CHARS))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file, read.
pub(crate) struct Text {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// One JSON object of a file.
pub(crate) struct Piece<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    /// Where it begins, both from 1.
    line: usize,
    column: usize,
    /// The mechanism that it says it is of.
    pub(crate) mechanism: String,
}

impl Text {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let fail = |what: &dyn fmt::Display| FileError::new(path.display(), what);
        let mut bytes = Vec::new();
        open(path)?
            .take(MOST_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| fail(&format_args!("expected a file that can be read: {error}")))?;
        if bytes.len() as u64 > MOST_FILE_BYTES {
            return Err(fail(&format_args!(
                "expected at most {} MiB, found more",
                MOST_FILE_BYTES >> 20
            )));
        }
        Ok(Text { path: path.to_owned(), bytes })
    }

    /// The objects in it, each of this version and with its mechanism; at least one.
    pub(crate) fn pieces(&self) -> Result<Vec<Piece<'_>>, FileError> {
        let mut pieces = Vec::new();
        let mut start = self.skip_space(0);
        let mut position = Position::default();
        while start < self.bytes.len() {
            position.advance(&self.bytes[position.at..start]);
            let rest = &self.bytes[start..];
            let mut piece = Piece {
                path: &self.path,
                bytes: rest,
                line: position.line,
                column: position.column,
                mechanism: String::new(),
            };
            if rest[0] != b'{' {
                return Err(piece.error(format_args!("expected a JSON object, {}", piece.found(0))));
            }
            let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<Head>();
            let head = match stream.next() {
                Some(Ok(head)) => head,
                Some(Err(error)) => return Err(piece.json_error(&error)),
                None => return Err(piece.error("expected a JSON object, found nothing")),
            };
            let end = stream.byte_offset();
            piece.bytes = &rest[..end];
            piece.mechanism = head.check().map_err(|what| piece.error(what))?;
            piece.parse::<Outline>()?;
            pieces.push(piece);
            start = self.skip_space(start + end);
        }
        if pieces.is_empty() {
            return Err(FileError::new(
                self.path.display(),
                "expected a JSON object, found an empty file",
            ));
        }
        Ok(pieces)
    }

    fn skip_space(&self, from: usize) -> usize {
        let space = self.bytes[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        from + space
    }
}

impl Piece<'_> {
    /// Reads it as what it is.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        serde_json::from_slice(self.bytes).map_err(|error| self.json_error(&error))
    }

    /// An error about the object as a whole.
    pub(crate) fn error(&self, what: impl fmt::Display) -> FileError {
        let place = format_args!("{}:{}:{}", self.path.display(), self.line, self.column);
        FileError::new(place, what)
    }

    /// Where it is: the file, and the line when it does not begin on the first.
    pub(crate) fn place(&self) -> String {
        match self.line {
            1 => self.path.display().to_string(),
            line => format!("{}:{line}", self.path.display()),
        }
    }

    /// The bytes before a line and column of this object.
    fn offset(&self, line: usize, column: usize) -> usize {
        let lines = self.bytes.split_inclusive(|byte| *byte == b'\n');
        let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
        before + column.saturating_sub(1)
    }

    /// What stands there.
    fn found(&self, offset: usize) -> String {
        let rest = &self.bytes[offset.min(self.bytes.len())..];
        let text = String::from_utf8_lossy(&rest[..rest.len().min(64)]);
        let shown: String = text.chars().take(12).collect();
        format!("found `{}`", shown.escape_debug())
    }

    fn json_error(&self, error: &serde_json::Error) -> FileError {
        use serde_json::error::Category;

        let (line, column) = match (error.line(), error.column()) {
            (0, _) => (self.line, self.column),
            (1, column) => (self.line, self.column + column.saturating_sub(1)),
            (line, column) => (self.line + line - 1, column),
        };
        let place = format_args!("{}:{line}:{column}", self.path.display());
        let whole = error.to_string();
        let suffix = format!(" at line {} column {}", error.line(), error.column());
        let what = whole.strip_suffix(&suffix).unwrap_or(&whole);
        match error.classify() {
            Category::Eof => FileError::new(
                place,
                "expected the rest of a JSON object, found the end of the file",
            ),
            Category::Syntax => {
                let found = self.found(self.offset(error.line(), error.column()));
                FileError::new(place, format_args!("expected JSON, {found}: {what}"))
            }
            Category::Data | Category::Io => FileError::new(place, what),
        }
    }
}

/// Where in a file we are.
struct Position {
    at: usize,
    line: usize,
    column: usize,
}

impl Default for Position {
    fn default() -> Self {
        Position { at: 0, line: 1, column: 1 }
    }
}

impl Position {
    fn advance(&mut self, over: &[u8]) {
        self.at += over.len();
        for byte in over {
            if *byte == b'\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
    }
}

/// What every object has; the rest is not looked at yet.
#[derive(Deserialize)]
struct Head {
    lawbook: Option<u64>,
    mechanism: Option<String>,
}

impl Head {
    fn check(self) -> Result<String, String> {
        let version = crate::FORMAT;
        match self.lawbook {
            None => Err(format!("expected \"lawbook\":{version}, found no such field")),
            Some(found) if found != version => {
                Err(format!("expected \"lawbook\":{version}, found version {found}"))
            }
            Some(_) => {
                self.mechanism.ok_or_else(|| "expected a field \"mechanism\", found none".into())
            }
        }
    }
}

/// How many ops there are, counted before any is kept.
#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "case")]
    _case: Option<CaseOutline>,
}

#[derive(Deserialize)]
struct CaseOutline {
    #[serde(rename = "ops")]
    _ops: Option<OpCount>,
}

struct OpCount;

impl<'de> Deserialize<'de> for OpCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(OpCount)
    }
}

impl<'de> Visitor<'de> for OpCount {
    type Value = OpCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST_OPS} ops")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut ops: A) -> Result<OpCount, A::Error> {
        let mut count = 0;
        while ops.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
            if count > MOST_OPS {
                return Err(serde::de::Error::custom(format_args!(
                    "expected at most {MOST_OPS} ops, found more"
                )));
            }
        }
        Ok(OpCount)
    }
}

/// An exemption file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exemptions {
    #[serde(rename = "lawbook")]
    _lawbook: u64,
    #[serde(rename = "mechanism")]
    _mechanism: String,
    /// Per law, the sentence why its break is expected.
    pub(crate) exempt: BTreeMap<String, String>,
}

/// Opens a file to read it.
pub(crate) fn open(path: &Path) -> Result<File, FileError> {
    let fail = |what: &dyn fmt::Display| FileError::new(path.display(), what);
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fail(&"expected a file, found none"),
        _ => fail(&format_args!("expected a file that can be read: {error}")),
    })?;
    match file.metadata().is_ok_and(|data| data.is_dir()) {
        true => Err(fail(&"expected a file, found a directory")),
        false => Ok(file),
    }
}

/// Whether a file can be written there, as far as that can be known before.
pub(crate) fn expect_writable(path: &Path) -> Result<(), FileError> {
    let fail = |what| Err(FileError::new(path.display(), what));
    if path.is_dir() {
        return fail("expected a file to write, found a directory");
    }
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return fail("expected a plain file to write or replace, found a link or a device");
    }
    if !folder_of(path).is_dir() {
        return fail("expected its folder to be there, found none");
    }
    Ok(())
}

/// Writes a file whole, or leaves what was there.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let write = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A temporary file is its owner's alone; a result is as open as the umask allows.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder_of(path))?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| {
        let what = format_args!("expected a file that can be written: {error}");
        FileError::new(path.display(), what)
    })
}

/// Makes a folder to write into, with those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|error| {
        let what = format_args!("expected a folder that can be made: {error}");
        FileError::new(path.display(), what)
    })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
