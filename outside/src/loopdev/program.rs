//! Programs of others: where they are, what they say, and what is kept for them on disk.
//!
//! Its nouns: a *program* (found by name at run time, or missing with the package that brings it)
//! and a *scratch* folder (in memory where the system has such a place, gone when dropped).
//! A refusal is a status other than 0 and comes with the last line of standard error. That a
//! program can't be started, does not end, or answers with what nobody expects, is no refusal: it
//! panics, which ends the case with a mishap.
//! It does not cover what any program means by what it says; nor the scratch folders of a process
//! that a signal ended, which stay.

use std::borrow::Cow;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lawbook_spec::core::Missing;
use tempfile::TempDir;

/// Where programs for administrators are, which a user's PATH may leave out.
const FURTHER_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Where a file lies in memory.
const SHARED_MEMORY: &str = "/dev/shm";

/// A program that says nothing for so long, or does not end, is ended. None takes a tenth of that.
pub(super) const MOST_TIME: Duration = Duration::from_secs(60);

/// The longest time between two looks at whether a program has ended.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// Whether all these programs are there, each with the Debian package that brings it.
///
/// # Errors
///
/// The first that is not.
pub(super) fn need(programs: &[(&str, &'static str)]) -> Result<(), Missing> {
    match programs.iter().find(|(name, _)| find(name).is_none()) {
        None => Ok(()),
        Some(&(name, package)) => Err(Missing { what: format!("the program {name}"), package }),
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let further = FURTHER_FOLDERS.iter().map(PathBuf::from);
    folders.into_iter().chain(further).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What a program says that its version is: the first word of its `--version` that begins with a
/// digit. `unknown` where it is not there, or says none.
pub(super) fn version(name: &str) -> Cow<'static, str> {
    let Some(path) = find(name) else { return UNKNOWN.into() };
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output();
    let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let begins = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    said.split_whitespace().find(begins).unwrap_or(UNKNOWN).to_owned().into()
}

const UNKNOWN: &str = "unknown";

/// A folder for the files of a program. It goes away with the value.
pub(super) struct Scratch(TempDir);

impl Scratch {
    /// An empty one.
    ///
    /// # Panics
    ///
    /// When there is no room for it, as do its functions.
    pub(super) fn new() -> Self {
        let mut builder = tempfile::Builder::new();
        builder.prefix("lawbook-");
        let folder = builder.tempdir_in(SHARED_MEMORY).or_else(|_| builder.tempdir());
        Scratch(folder.unwrap_or_else(|error| panic!("a temporary folder: {error}")))
    }

    /// A program that will run in the folder.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(find(name).unwrap_or_else(|| name.into()));
        command.current_dir(self.0.path());
        command
    }

    /// Writes a whole file.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        self.expect(name, fs::write(self.0.path().join(name), bytes));
    }

    /// Reads a whole file.
    pub(super) fn get(&self, name: &str) -> Vec<u8> {
        self.expect(name, fs::read(self.0.path().join(name)))
    }

    /// Opens a file of so many zeroes, to read and to write.
    pub(super) fn make(&self, name: &str, bytes: u64) -> File {
        let mut options = File::options();
        options.create(true).truncate(true).read(true).write(true);
        let file = self.expect(name, options.open(self.0.path().join(name)));
        self.expect(name, file.set_len(bytes));
        file
    }

    fn expect<T>(&self, name: &str, outcome: io::Result<T>) -> T {
        outcome.unwrap_or_else(|error| panic!("{}: {error}", self.0.path().join(name).display()))
    }
}

/// Reads from byte `at` of a file on.
///
/// # Errors
///
/// Those of the file, which may end before.
pub(super) fn read_at(mut file: &File, at: u64, into: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(into)
}

/// Writes from byte `at` of a file on.
///
/// # Errors
///
/// Those of the file.
pub(super) fn write_at(mut file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// Runs a program on an input to its end, and gives what it prints.
///
/// # Errors
///
/// The last line of its standard error, where its status is not 0.
///
/// # Panics
///
/// When it can't be started, a pipe to it fails, or it does not end in time.
pub(super) fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("its standard input is a pipe");
    let stdout = child.stdout.take().expect("its standard output is a pipe");
    let stderr = child.stderr.take().expect("its standard error is a pipe");
    // Each pipe has a thread: a program that waits for one of them must not wait for ever.
    let (status, printed, said) = thread::scope(|scope| {
        // A program that ends without reading all of its input says why itself.
        scope.spawn(move || stdin.write_all(input).ok());
        let [printed, said] =
            [Box::new(stdout) as Box<dyn Read + Send>, Box::new(stderr)].map(|mut pipe| {
                scope.spawn(move || {
                    let mut bytes = Vec::new();
                    pipe.read_to_end(&mut bytes).map(|_| bytes)
                })
            });
        let status = wait(&mut child);
        let [printed, said] =
            [printed, said].map(|part| part.join().expect("reading does not panic"));
        (status, printed, said)
    });
    let (status, printed, said) = match (status, printed, said) {
        (Ok(status), Ok(printed), Ok(said)) => (status, printed, said),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => panic!("{command:?}: {error}"),
    };
    if status.success() {
        Ok(printed)
    } else {
        Err(last_line(&said).unwrap_or_else(|| status.to_string()))
    }
}

/// Waits for the end of a program, which is ended when it takes too long.
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(100);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > MOST_TIME {
            child.kill()?;
            child.wait()?;
            let seconds = MOST_TIME.as_secs();
            return Err(io::Error::other(format!("it did not end within {seconds} seconds")));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn last_line(said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said);
    said.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
}

/// Whether a test that needs a program can run; where not, it says so.
#[cfg(test)]
pub(super) fn skips(test: &str, programs: &[(&str, &'static str)]) -> bool {
    match need(programs) {
        Ok(()) => false,
        Err(missing) => {
            eprintln!("{test} is SKIPPED: {missing}");
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_missing_with_its_package() {
        let missing = need(&[("sh", "dash"), ("no-such-program", "no-package")]).err().unwrap();
        assert_eq!(missing.what, "the program no-such-program");
        assert_eq!(missing.package, "no-package");
    }

    #[test]
    fn a_program_may_print_more_than_a_pipe_holds_before_it_has_read_all() {
        let input = vec![5; 1 << 20];
        assert_eq!(run(&mut Command::new("cat"), &input).unwrap(), input);
    }

    #[test]
    fn a_refusal_is_the_last_line_that_is_said() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo first >&2; echo last >&2; echo >&2; exit 3"]);
        assert_eq!(run(&mut shell, &[]).unwrap_err(), "last");
    }

    #[test]
    fn a_scratch_folder_goes_away_with_what_is_in_it() {
        let scratch = Scratch::new();
        scratch.put("file", b"data");
        let folder = scratch.0.path().to_owned();
        assert!(folder.join("file").exists());
        drop(scratch);
        assert!(!folder.exists());
    }
}
