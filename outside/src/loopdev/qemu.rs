//! The LUKS driver of qemu's block layer, as a device of its own: `qemu-io` reads and writes a
//! sparse file that has a LUKS1 header in front.
//!
//! Its nouns: the *workshop* (a folder with the file, the headers made so far and one running
//! `qemu-io`, which serves one case after another) and the *header*, made by `cryptsetup luksFormat`
//! for a volume key of our choice, since qemu draws its keys itself.
//!
//! Nearly all laws are about qemu: `driver=raw` with its offset and size lies on `driver=luks`, so
//! that offsets, limits, the end, read-only and the bytes are qemu's to get right, and nothing here
//! checks them in its place. Ours are LOOPDEV-16 and a part of LOOPDEV-14: that keys have the length
//! of the transform (the header is made for it) and that units other than sectors, and ciphers
//! without an IV, are refused (no header can ask for them). The image is the file itself behind the
//! header, beside qemu.
//!
//! It does not cover first numbers (the LUKS driver counts from 0), a memory of several segments,
//! units by themselves, the schemes that cryptsetup writes and qemu refuses (ECB, null, plain64be,
//! benbi, eboiv), and AES-192 in CBC: key material that is no multiple of 512 bytes, as 4000 stripes
//! of 24 bytes, trips an assertion of qemu (seen in version 10.0.2), which ends the process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use lawbook_spec::core::{Missing, Subject};
use lawbook_spec::loopdev::{
    Attachment, Cipher, Driver, EqualHalves, Error, Iv, Key, LoopDevice, Loopdev, Offer,
    PartialRequests, Profile, Sector, Transform,
};

use super::program::{self, Scratch};

/// qemu draws the keys of its volumes itself, so cryptsetup makes the headers.
const PROGRAMS: &[(&str, &str)] = &[("qemu-io", "qemu-utils"), ("cryptsetup", "cryptsetup-bin")];

/// The device, ready to run cases.
///
/// # Errors
///
/// A program is missing.
pub(super) fn subject() -> Result<Box<dyn Subject<Loopdev>>, Missing> {
    program::need(PROGRAMS)?;
    let workshop = Rc::new(RefCell::new(Workshop::new()));
    let device = move |backing_bytes| Qemu::new(Rc::clone(&workshop), backing_bytes);
    Ok(Box::new(Driver::new(profile(), device)))
}

fn profile() -> Profile {
    let offer = |cipher, iv, key_bits| Offer {
        cipher,
        iv: Some(iv),
        key_bits,
        unit_bytes: vec![512],
        large_sectors: false,
    };
    Profile {
        ciphers: vec![
            offer(Cipher::AesXts, Iv::Plain64, vec![256, 512]),
            offer(Cipher::AesCbc, Iv::EssivSha256, vec![128, 256]),
        ],
        image: true,
        flips: true,
        offsets: true,
        far: true,
        size_limit: true,
        read_only: true,
        equal_halves: EqualHalves::Accepted,
        partial_requests: PartialRequests::Refused,
        ..Profile::default()
    }
}

/// More headers are not kept: there are a few for each cipher, and those of keys that do not fit.
const MOST_HEADERS: usize = 100;

/// Where the payload starts: `--align-payload` makes it the same for keys of all lengths.
const HEADER_BYTES: u64 = 2 << 20;
const HEADER_SECTORS: &str = "4096";

const IMAGE: &str = "image";
const DATA: &str = "data";
const PASSWORD: &str = "password";
const VOLUME_KEY: &str = "volume-key";
const HEADER: &str = "header";

struct Qemu {
    workshop: Rc<RefCell<Workshop>>,
    backing_bytes: u64,
    attached: bool,
}

impl Qemu {
    fn new(workshop: Rc<RefCell<Workshop>>, backing_bytes: u64) -> Self {
        workshop.borrow_mut().clear(backing_bytes);
        Qemu { workshop, backing_bytes, attached: false }
    }

    /// Where in the file some bytes of the backing lie.
    fn place(&self, at: u64, len: usize) -> Result<u64, Error> {
        match at.checked_add(len as u64) {
            Some(end) if end <= self.backing_bytes => Ok(HEADER_BYTES + at),
            _ => Err(Error::PastEnd),
        }
    }
}

impl LoopDevice for Qemu {
    fn attach(&mut self, attachment: &Attachment) -> Result<(), Error> {
        let scheme = Scheme::of(&attachment.transform, &attachment.key)?;
        let mut options = format!(
            "driver=raw,offset={},file.driver=luks,file.key-secret=password,\
             file.file.driver=file,file.file.filename={IMAGE}",
            attachment.offset_bytes
        );
        if attachment.size_limit_bytes != 0 {
            options += &format!(",size={}", attachment.size_limit_bytes);
        }
        let read_only = if attachment.read_only { "-r " } else { "" };
        let mut workshop = self.workshop.borrow_mut();
        workshop.put_header(&scheme)?;
        let said = workshop.ask(&format!("open {read_only}-o {options}"));
        if said.is_empty() {
            self.attached = true;
            Ok(())
        } else if said.contains("can't open") {
            Err(Error::Misfit)
        } else {
            panic!("qemu-io, asked to open {options}: {said}")
        }
    }

    fn detach(&mut self) -> Result<(), Error> {
        self.attached = false;
        let said = self.workshop.borrow_mut().ask("close");
        if said.is_empty() { Ok(()) } else { panic!("qemu-io, asked to close: {said}") }
    }

    fn read(&mut self, sector: Sector, into: &mut [u8]) -> Result<(), Error> {
        let from = sector.0.checked_mul(512).ok_or(Error::PastEnd)?;
        let said = self.workshop.borrow_mut().ask(&format!("read -v {from} {}", into.len()));
        let bytes = dumped(&said).ok_or_else(|| refusal(&said))?;
        assert_eq!(bytes.len(), into.len(), "the bytes that qemu-io shows");
        into.copy_from_slice(&bytes);
        Ok(())
    }

    fn write(&mut self, sector: Sector, data: &[u8]) -> Result<(), Error> {
        let from = sector.0.checked_mul(512).ok_or(Error::PastEnd)?;
        let mut workshop = self.workshop.borrow_mut();
        workshop.scratch.put(DATA, data);
        let said = workshop.ask(&format!("write -q -s {DATA} {from} {}", data.len()));
        if said.is_empty() { Ok(()) } else { Err(refusal(&said)) }
    }

    fn image(&mut self, at: u64, into: &mut [u8]) -> Result<(), Error> {
        let place = self.place(at, into.len())?;
        program::read_at(&self.workshop.borrow().image, place, into).map_err(|_| Error::Io)
    }

    fn flip(&mut self, at: u64, bit: u8) -> Result<(), Error> {
        let place = self.place(at, 1)?;
        let image = &self.workshop.borrow().image;
        let mut byte = [0];
        program::read_at(image, place, &mut byte)
            .and_then(|()| program::write_at(image, place, &[byte[0] ^ (1 << (bit & 7))]))
            .map_err(|_| Error::Io)
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        if self.attached {
            self.workshop.borrow_mut().leave();
        }
    }
}

/// What qemu-io means by refusing a request.
///
/// # Panics
///
/// When it says what no refusal was ever seen to say.
fn refusal(said: &str) -> Error {
    match said {
        _ if said.contains("read-only") => Error::ReadOnly,
        _ if said.contains("Input/output error") => Error::PastEnd,
        _ => panic!("qemu-io: {said}"),
    }
}

/// The bytes of a dump, whose lines are an offset, a colon, 16 bytes in hex, and the same as text;
/// `None` when qemu-io did not say that it has read them.
fn dumped(said: &str) -> Option<Vec<u8>> {
    let (dump, _) = said.split_once("\nread ")?;
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let (_, rest) = line.split_once(":  ")?;
        for byte in rest.get(..16 * 3)?.split_ascii_whitespace() {
            bytes.push(u8::from_str_radix(byte, 16).ok()?);
        }
    }
    Some(bytes)
}

/// What a header is made for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Scheme {
    cipher: &'static str,
    key: Vec<u8>,
}

impl Scheme {
    fn of(transform: &Transform, key: &Key) -> Result<Self, Error> {
        let Transform::Cipher { cipher, key_bits, iv, .. } = *transform else {
            return Err(Error::Unsupported);
        };
        if iv.is_none() {
            return Err(Error::NoIv);
        }
        if !profile().offers(transform) {
            return Err(Error::Unsupported);
        }
        let Key::Bytes { bytes } = key else {
            return Err(Error::BadKey);
        };
        if bytes.0.len() * 8 != usize::from(key_bits) {
            return Err(Error::BadKey);
        }
        let cipher = match cipher {
            Cipher::AesXts => "aes-xts-plain64",
            _ => "aes-cbc-essiv:sha256",
        };
        Ok(Scheme { cipher, key: bytes.0.clone() })
    }
}

/// What outlives a case.
struct Workshop {
    // It goes before the folder, in which it runs.
    qemu_io: Option<QemuIo>,
    image: File,
    headers: BTreeMap<Scheme, Vec<u8>>,
    scratch: Scratch,
}

impl Workshop {
    fn new() -> Self {
        let scratch = Scratch::new();
        let image = scratch.make(IMAGE, 0);
        scratch.put(PASSWORD, b"password");
        Workshop { qemu_io: None, image, headers: BTreeMap::new(), scratch }
    }

    /// Makes the image all zeroes.
    fn clear(&self, backing_bytes: u64) {
        self.image
            .set_len(0)
            .and_then(|()| self.image.set_len(HEADER_BYTES + backing_bytes))
            .unwrap_or_else(|error| panic!("an image of {backing_bytes} bytes: {error}"));
    }

    fn put_header(&mut self, scheme: &Scheme) -> Result<(), Error> {
        if !self.headers.contains_key(scheme) {
            if self.headers.len() >= MOST_HEADERS {
                self.headers.clear();
            }
            let header = self.make_header(scheme)?;
            self.headers.insert(scheme.clone(), header);
        }
        program::write_at(&self.image, 0, &self.headers[scheme]).map_err(|_| Error::Io)
    }

    /// The header of a volume with this key, without the zeroes at its end.
    fn make_header(&self, scheme: &Scheme) -> Result<Vec<u8>, Error> {
        self.scratch.put(VOLUME_KEY, &scheme.key);
        // A volume without a payload has no room for its header.
        let header = self.scratch.make(HEADER, HEADER_BYTES + 512);
        let mut format = self.scratch.command("cryptsetup");
        format.args(["luksFormat", "--batch-mode", "--disable-locks", "--type", "luks1"]);
        format.args(["--hash", "sha256", "--pbkdf-force-iterations", "1000"]);
        format.args(["--align-payload", HEADER_SECTORS, "--cipher", scheme.cipher]);
        format.args(["--key-size", &(scheme.key.len() * 8).to_string()]);
        format.args(["--volume-key-file", VOLUME_KEY, "--key-file", PASSWORD, HEADER]);
        program::run(&mut format, &[])
            .unwrap_or_else(|said| panic!("cryptsetup luksFormat, {}: {said}", scheme.cipher));
        let mut bytes = vec![0; usize::try_from(HEADER_BYTES).expect("2 MiB fit")];
        program::read_at(&header, 0, &mut bytes).map_err(|_| Error::Io)?;
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.truncate(end);
        Ok(bytes)
    }

    /// Has qemu-io do one command, and gives what it says.
    ///
    /// # Panics
    ///
    /// When qemu-io ends meanwhile; the next command goes to a new one.
    fn ask(&mut self, command: &str) -> String {
        let mut qemu_io = self.qemu_io.take().unwrap_or_else(|| QemuIo::start(&self.scratch));
        match qemu_io.ask(command) {
            Ok(said) => {
                self.qemu_io = Some(qemu_io);
                said
            }
            Err(said) => panic!("qemu-io, asked to `{command}`, ended or was ended: {said}"),
        }
    }

    /// Leaves what a case had open; a qemu-io that can't is of no more use.
    fn leave(&mut self) {
        if let Some(mut qemu_io) = self.qemu_io.take()
            && qemu_io.ask("close").is_ok_and(|said| said.is_empty())
        {
            self.qemu_io = Some(qemu_io);
        }
    }
}

/// A running `qemu-io`. It ends with the value.
struct QemuIo {
    child: Child,
    stdin: ChildStdin,
    /// Standard output and standard error, piece by piece; a thread reads them.
    said: Receiver<io::Result<Vec<u8>>>,
}

const PROMPT: &str = "qemu-io> ";

/// It says no more than this at once: a dump of the longest request takes a hundredth.
const MOST_SAID_BYTES: usize = 64 << 20;

impl QemuIo {
    fn start(scratch: &Scratch) -> Self {
        Self::spawn(scratch).unwrap_or_else(|error| panic!("expected qemu-io, found: {error}"))
    }

    fn spawn(scratch: &Scratch) -> io::Result<Self> {
        let (mut output, say) = io::pipe()?;
        let mut command = scratch.command("qemu-io");
        command.args(["--object", &format!("secret,id=password,file={PASSWORD}")]);
        command.stdin(Stdio::piped()).stdout(say.try_clone()?).stderr(say);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take().expect("its standard input is a pipe");
        // The command holds ends of the pipe; with them gone, the last one is the program's.
        drop(command);
        let (saying, said) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let mut part = [0; 1 << 16];
            loop {
                let read = output.read(&mut part).map(|len| part[..len].to_vec());
                let is_last = read.as_ref().map_or(true, Vec::is_empty);
                if saying.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        let mut qemu_io = QemuIo { child, stdin, said };
        qemu_io.until_prompt().map_err(io::Error::other)?;
        Ok(qemu_io)
    }

    /// What it says to a command; `Err` with its last words when it ends, and when it says nothing
    /// for too long, or too much.
    fn ask(&mut self, command: &str) -> Result<String, String> {
        // Where it has ended, it has said why, and that is what is read.
        let _broken_pipe = writeln!(self.stdin, "{command}");
        self.until_prompt()
    }

    fn until_prompt(&mut self) -> Result<String, String> {
        let mut said = Vec::new();
        loop {
            let seconds = program::MOST_TIME.as_secs();
            let part = match self.said.recv_timeout(program::MOST_TIME) {
                Ok(part) => part.map_err(|error| error.to_string())?,
                Err(RecvTimeoutError::Timeout) => return Err(format!("silence for {seconds} s")),
                Err(RecvTimeoutError::Disconnected) => Vec::new(),
            };
            said.extend_from_slice(&part);
            if let Some(said) = before_prompt(&said) {
                return Ok(String::from_utf8_lossy(said).into_owned());
            }
            if part.is_empty() {
                return Err(String::from_utf8_lossy(&said).trim_end().to_owned());
            }
            if said.len() > MOST_SAID_BYTES {
                return Err(format!("more than {} MiB", MOST_SAID_BYTES >> 20));
            }
        }
    }
}

/// What was said before the prompt, once that is there: a line that has not ended.
fn before_prompt(said: &[u8]) -> Option<&[u8]> {
    let before = said.strip_suffix(PROMPT.as_bytes())?;
    (before.is_empty() || before.ends_with(b"\n")).then_some(before)
}

impl Drop for QemuIo {
    fn drop(&mut self) {
        // It has no state to save: what it answered is in the file. One that has ended is waited for.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use lawbook_spec::core::Bytes;
    use lawbook_spec::loopdev::{Direction, Oracle};

    use super::*;

    fn attachment(cipher: Cipher, iv: Iv, key: Vec<u8>) -> Attachment {
        let key_bits = u16::try_from(key.len() * 8).unwrap();
        let iv = Some(iv);
        Attachment {
            transform: Transform::Cipher {
                cipher,
                key_bits,
                iv,
                unit_bytes: 512,
                large_sectors: false,
            },
            key: Key::Bytes { bytes: Bytes(key) },
            offset_bytes: 0,
            first: 0,
            size_limit_bytes: 0,
            read_only: false,
            block_bytes: 1024,
        }
    }

    fn xts() -> Attachment {
        attachment(Cipher::AesXts, Iv::Plain64, (0..64).collect())
    }

    fn device(backing_bytes: u64) -> Qemu {
        Qemu::new(Rc::new(RefCell::new(Workshop::new())), backing_bytes)
    }

    #[test]
    fn the_file_behind_the_header_is_what_the_formula_says() {
        if program::skips("the_file_behind_the_header", PROGRAMS) {
            return;
        }
        for to in [xts(), attachment(Cipher::AesCbc, Iv::EssivSha256, (0..32).collect())] {
            let mut device = device(8 * 512);
            device.attach(&to).unwrap();
            device.write(Sector(5), &[7; 512]).unwrap();
            let (mut found, mut expected) = ([0; 512], [7; 512]);
            device.image(5 * 512, &mut found).unwrap();
            let oracle = Oracle::new(&to.transform, &to.key).unwrap();
            oracle.crypt(Direction::Encrypt, 5, &mut expected);
            assert!(found == expected, "{}", to.transform);
        }
    }

    #[test]
    fn qemu_takes_an_offset_that_is_no_multiple_of_a_sector() {
        if program::skips("qemu_takes_an_offset", PROGRAMS) {
            return;
        }
        let mut device = device(8 * 512);
        device.attach(&Attachment { offset_bytes: 513, ..xts() }).unwrap();
    }

    #[test]
    fn qemu_takes_an_offset_at_the_end_and_none_behind_it() {
        if program::skips("qemu_takes_an_offset_at_the_end", PROGRAMS) {
            return;
        }
        let mut device = device(8 * 512);
        device.attach(&Attachment { offset_bytes: 8 * 512, ..xts() }).unwrap();
        assert_eq!(device.read(Sector(0), &mut [0; 512]), Err(Error::PastEnd));
        device.detach().unwrap();
        let behind = device.attach(&Attachment { offset_bytes: 9 * 512, ..xts() });
        assert_eq!(behind, Err(Error::Misfit));
    }

    #[test]
    fn a_key_with_equal_halves_is_taken_and_one_of_another_length_is_not() {
        if program::skips("a_key_with_equal_halves", PROGRAMS) {
            return;
        }
        let mut device = device(8 * 512);
        device.attach(&attachment(Cipher::AesXts, Iv::Plain64, vec![1; 64])).unwrap();
        device.detach().unwrap();
        let key = Key::Bytes { bytes: Bytes(vec![1; 65]) };
        assert_eq!(device.attach(&Attachment { key, ..xts() }), Err(Error::BadKey));
    }

    #[test]
    fn a_qemu_io_that_ends_is_replaced_for_the_next_command() {
        if program::skips("a_qemu_io_that_ends", PROGRAMS) {
            return;
        }
        let mut workshop = Workshop::new();
        assert_eq!(workshop.ask("length"), "no file open, try 'help open'\n");
        assert!(catch_unwind(AssertUnwindSafe(|| workshop.ask("quit"))).is_err());
        assert_eq!(workshop.ask("length"), "no file open, try 'help open'\n");
    }

    #[test]
    fn a_prompt_inside_a_dump_is_no_prompt() {
        let dump = b"00000000:  71 65 6d 75 2d 69 6f 3e 20  qemu-io> ";
        assert_eq!(before_prompt(dump), None);
        assert_eq!(before_prompt(b"said\nqemu-io> "), Some(b"said\n".as_slice()));
    }
}
