//! The one list of mechanisms, and of the implementations that are built in: a new mechanism
//! changes this file and no other of the engine.

use lawbook_faults as faults;
use lawbook_outside as outside;
use lawbook_reference as reference;

use crate::entry::Mechanisms;

impl Mechanisms {
    /// What the command knows.
    pub fn built_in() -> Self {
        let mut frames = reference::frames::implementations();
        frames.extend(faults::frames::implementations());
        frames.extend(outside::frames::implementations());
        let mut init = reference::init::implementations();
        init.extend(faults::init::implementations());
        init.extend(outside::init::implementations());
        let mut loopdev = reference::loopdev::implementations();
        loopdev.extend(faults::loopdev::implementations());
        loopdev.extend(outside::loopdev::implementations());
        let mut memory = reference::memory::implementations();
        memory.extend(faults::memory::implementations());
        Mechanisms::default().with(frames).with(init).with(loopdev).with(memory)
    }
}
