//! A process that answers lines with lines: its start, its end, and three threads between them.
//!
//! One thread writes, one reads, one keeps the end of its standard error, so that nobody here waits
//! for a pipe, and the process never waits for us longer than we judge an answer.
//! It does not cover what the lines say; nor processes that leave the group of the child (`setsid`),
//! which a signal to the group does not reach.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::command::CommandLine;
use super::group;
use super::line::{self, Line, Tail, quoted};

/// How often a silent process is looked at, and how long one that ended may still be read from: what
/// it started may hold its pipes open.
const LOOK: Duration = Duration::from_millis(50);

/// How long one that stopped to speak may take to exit before it is ended, so that its status is
/// its own.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// So many bytes are handed from thread to thread at once, or one line that has more.
const MANY_BYTES: usize = 1 << 16;

/// A process under way. When it is dropped it is ended, with all that it started.
pub(super) struct Child {
    process: std::process::Child,
    /// Lines that the writer does not have yet: it gets many at once.
    unsent: Vec<u8>,
    lines: Sender<Vec<u8>>,
    /// Lines that the reader handed over, and were not asked for yet.
    heard: VecDeque<std::io::Result<Line>>,
    said: Receiver<VecDeque<std::io::Result<Line>>>,
    errors: Arc<Mutex<Tail>>,
    /// Hears nothing, and ends when the standard error does.
    errors_end: Receiver<()>,
    has_ended: bool,
}

/// Why there was no line.
pub(super) enum Silence {
    /// It said nothing for so long.
    Timeout(Duration),
    /// Its standard output ended, or itself did.
    End,
    /// A line that is too long; its beginning.
    TooLong(String),
    /// It can't be read from.
    Unreadable(std::io::Error),
}

impl Child {
    /// Starts a program in a process group of its own.
    pub(super) fn start(command: &CommandLine) -> Result<Self, String> {
        let mut start = Command::new(command.program());
        start.args(command.arguments());
        start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        group::prepare(&mut start);
        let mut process = start.spawn().map_err(|error| {
            let program = quoted(&command.program().to_string_lossy());
            format!("expected a program {program} that can be started, found: {error}")
        })?;
        group::remember(&process);
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(error)) = pipes else {
            unreachable!("all three pipes are asked for");
        };
        let (lines, to_write) = mpsc::channel();
        thread::spawn(move || write(input, &to_write));
        let (saying, said) = mpsc::sync_channel(1);
        thread::spawn(move || read(output, &saying));
        let errors = Arc::new(Mutex::new(Tail::default()));
        let (ending, errors_end) = mpsc::sync_channel(1);
        let tail = Arc::clone(&errors);
        thread::spawn(move || keep_tail(error, &tail, &ending));
        let (unsent, heard, has_ended) = (Vec::new(), VecDeque::new(), false);
        Ok(Child { process, unsent, lines, heard, said, errors, errors_end, has_ended })
    }

    /// Says a line, at the latest when a line is received. Whether the process took it is seen by its
    /// answer.
    pub(super) fn send(&mut self, line: &[u8]) {
        self.unsent.extend_from_slice(line);
        self.unsent.push(b'\n');
        if self.unsent.len() >= MANY_BYTES {
            self.hand_over();
        }
    }

    /// Hands the lines to the writer, which writes them as soon as the process takes them.
    fn hand_over(&mut self) {
        if !self.unsent.is_empty() {
            // The writer is gone when the process is: then its silence is what is reported.
            self.lines.send(std::mem::take(&mut self.unsent)).unwrap_or(());
        }
    }

    /// The next line, when it comes in time.
    pub(super) fn receive(&mut self, timeout: Duration) -> Result<Vec<u8>, Silence> {
        self.hand_over();
        let start = Instant::now();
        let mut has_exited = false;
        loop {
            match self.heard.pop_front() {
                Some(Ok(Line::Whole(line))) => return Ok(line),
                Some(Ok(Line::TooLong(line))) => {
                    let start = String::from_utf8_lossy(&line[..line.len().min(256)]);
                    return Err(Silence::TooLong(quoted(&start)));
                }
                Some(Ok(Line::End)) => return Err(Silence::End),
                Some(Err(error)) => return Err(Silence::Unreadable(error)),
                None => {}
            }
            let left = timeout.saturating_sub(start.elapsed());
            match self.said.recv_timeout(left.min(LOOK)) {
                Ok(lines) => self.heard = lines,
                Err(RecvTimeoutError::Disconnected) => return Err(Silence::End),
                Err(RecvTimeoutError::Timeout) if has_exited => return Err(Silence::End),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(Silence::Timeout(timeout));
                }
                Err(RecvTimeoutError::Timeout) => {
                    has_exited = group::has_exited(&mut self.process);
                }
            }
        }
    }

    /// Ends its input, and expects it to say no more and to exit with status 0 in time.
    pub(super) fn finish(mut self, timeout: Duration) -> Result<(), String> {
        self.hand_over();
        // A channel without a sender: the writer writes what is left and closes the pipe.
        self.lines = mpsc::channel().0;
        let start = Instant::now();
        let expected = "expected exit status 0 at the end of input";
        let silence = match self.receive(timeout) {
            Ok(line) => {
                let line = quoted(&String::from_utf8_lossy(&line[..line.len().min(256)]));
                return Err(format!("{expected}, found one more line {line}"));
            }
            Err(silence) => silence,
        };
        let left = timeout.saturating_sub(start.elapsed());
        if !self.exits_within(left) {
            let found = format!("{expected}, found it still running after {}", show(timeout));
            return Err(found + &self.end().1);
        }
        let (status, errors) = self.end();
        match (status, silence) {
            (Some(status), Silence::End | Silence::Timeout(_)) if status.success() => Ok(()),
            (Some(status), Silence::End | Silence::Timeout(_)) => {
                Err(format!("{expected}, found {}{errors}", show_status(status)))
            }
            (_, silence) => Err(format!("{expected}, found {}{errors}", silence.show())),
        }
    }

    /// Ends it because there was no line, and says what was found in its place.
    pub(super) fn give_up(mut self, silence: &Silence) -> String {
        match silence {
            Silence::End if self.exits_within(EXIT_GRACE) => {
                let (status, errors) = self.end();
                let found = status.map_or_else(|| silence.show(), show_status);
                format!("found the end of the process: {found}{errors}")
            }
            silence => format!("found {}{}", silence.show(), self.end().1),
        }
    }

    /// Ends it because of what it said; returns what it wrote to its standard error.
    pub(super) fn put_away(mut self) -> String {
        self.end().1
    }

    fn exits_within(&mut self, time: Duration) -> bool {
        let start = Instant::now();
        let mut pause = Duration::from_micros(100);
        while !group::has_exited(&mut self.process) {
            if start.elapsed() >= time {
                return false;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK);
        }
        true
    }

    /// Ends it and what it started: how it ended, and the last lines of its standard error.
    fn end(&mut self) -> (Option<ExitStatus>, String) {
        // Once it has been waited for, its number may be another's.
        self.has_ended = true;
        group::end(&mut self.process);
        let status = self.process.wait().ok();
        group::forget(&self.process);
        // It is told nothing: the wait is for the thread that reads to have read all.
        self.errors_end.recv_timeout(LOOK).unwrap_or(());
        let tail = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let errors = match tail.shown() {
            Some(lines) => format!("; its standard error ends with {lines}"),
            None => String::new(),
        };
        (status, errors)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end();
        }
    }
}

impl Silence {
    fn show(&self) -> String {
        match self {
            Silence::Timeout(time) => {
                format!("silence for {} (an adapter flushes after every line)", show(*time))
            }
            Silence::End => "the end of its standard output".into(),
            Silence::TooLong(line) => {
                format!("a line of more than {} MiB: {line}", line::MOST_LINE_BYTES >> 20)
            }
            Silence::Unreadable(error) => format!("a standard output that can't be read: {error}"),
        }
    }
}

/// A time as the command line has it.
pub(crate) fn show(time: Duration) -> String {
    match (time.as_millis(), time.subsec_millis()) {
        (_, 0) => format!("{}s", time.as_secs()),
        (millis, _) => format!("{millis}ms"),
    }
}

fn show_status(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return format!("killed by signal {signal}");
        }
    }
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}

/// Writes lines until there are no more, or the process takes no more.
fn write(mut input: ChildStdin, lines: &Receiver<Vec<u8>>) {
    while let Ok(line) = lines.recv() {
        if input.write_all(&line).is_err() {
            return;
        }
    }
}

/// Reads lines until there are no more, or nobody wants them. Those that came at once are handed over
/// together; they are at most one of any length, and what the buffer holds.
fn read(output: ChildStdout, said: &SyncSender<VecDeque<std::io::Result<Line>>>) {
    let mut output = BufReader::with_capacity(MANY_BYTES, output);
    let mut is_last = false;
    while !is_last {
        let mut lines = VecDeque::new();
        while lines.is_empty() || (!is_last && output.buffer().contains(&b'\n')) {
            let line = line::read(&mut output);
            is_last = !matches!(line, Ok(Line::Whole(_)));
            lines.push_back(line);
        }
        if said.send(lines).is_err() {
            return;
        }
    }
}

/// Reads to the end; `_ending` is dropped there.
fn keep_tail(mut error: impl Read, tail: &Mutex<Tail>, _ending: &SyncSender<()>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = error.read(&mut bytes) {
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(&bytes[..count]);
    }
}
