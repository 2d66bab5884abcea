//! The one list of mechanisms, of the implementations that are built in, and of what the skeletons of
//! adapters have: a new mechanism changes this file and no other of the engine.

use lawbook_faults as faults;
use lawbook_outside as outside;
use lawbook_reference as reference;

use lawbook_spec as spec;

use crate::entry::Mechanisms;
use crate::new_adapter::{First, Skeleton};

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

/// For each mechanism, what the skeletons of adapters have.
pub(crate) fn skeletons() -> [Skeleton; 4] {
    [frames(), init(), loopdev(), memory()]
}

fn frames() -> Skeleton {
    Skeleton {
        mechanism: "frames",
        profile: json(&spec::frames::Profile::default()),
        op: "free",
        python: First {
            world: "        self.slots = {}  # what each full slot holds\n",
            init: "",
            function: include_str!("new_adapter/first/frames.py"),
        },
        c: First {
            world: "    bool full[SLOTS]; /* which slots hold a block */\n",
            init: "enum { SLOTS = 1024 };\n\n",
            function: include_str!("new_adapter/first/frames.c"),
        },
        rust: First {
            world: "    /// What each full slot holds: a frame and an order.\n    \
                    slots: std::collections::HashMap<u64, (u64, u8)>,\n",
            init: ", slots: Default::default()",
            function: include_str!("new_adapter/first/frames.rs.in"),
        },
    }
}

fn init() -> Skeleton {
    Skeleton {
        mechanism: "init",
        profile: json(&spec::init::Profile::default()),
        op: "repair",
        python: First {
            world: "        self.states = [\"unloaded\" for _ in setup[\"modules\"]]\n",
            init: "",
            function: include_str!("new_adapter/first/init.py"),
        },
        c: First {
            world: "    bool live[MODULES]; /* which modules are loaded */\n",
            init: "enum { MODULES = 16 };\n\n",
            function: include_str!("new_adapter/first/init.c"),
        },
        rust: First {
            world: "    /// The inits that return 0 whatever the setup says: module and pair.\n    \
                    repaired: std::collections::HashSet<(usize, usize)>,\n",
            init: ", repaired: Default::default()",
            function: include_str!("new_adapter/first/init.rs.in"),
        },
    }
}

fn loopdev() -> Skeleton {
    Skeleton {
        mechanism: "loopdev",
        profile: json(&spec::loopdev::Profile {
            none: true,
            block_size: true,
            ..Default::default()
        }),
        op: "set_block_size",
        python: First {
            world: "        self.block_bytes = setup[\"attachment\"][\"block_bytes\"]\n",
            init: "",
            function: include_str!("new_adapter/first/loopdev.py"),
        },
        c: First {
            world: "    uint64_t block_bytes; /* of the hosting filesystem */\n",
            init: "",
            function: include_str!("new_adapter/first/loopdev.c"),
        },
        rust: First {
            world: "    /// Of the hosting filesystem.\n    block_bytes: u64,\n",
            init: ", block_bytes: 0",
            function: include_str!("new_adapter/first/loopdev.rs.in"),
        },
    }
}

fn memory() -> Skeleton {
    Skeleton {
        mechanism: "memory",
        profile: json(&spec::memory::Profile::default()),
        op: "spawn",
        python: First {
            world: "        self.processes = {0: []}  # the areas of each\n",
            init: "",
            function: include_str!("new_adapter/first/memory.py"),
        },
        c: First {
            world: "    bool changed[PROCESSES]; /* at the beginning there is process 0 alone */\n",
            init: "enum { PROCESSES = 256 };\n\n",
            function: include_str!("new_adapter/first/memory.c"),
        },
        rust: First {
            world: "    /// The areas of each process.\n    \
                    processes: std::collections::HashMap<u64, Vec<Value>>,\n",
            init: ", processes: std::collections::HashMap::from([(0, Vec::new())])",
            function: include_str!("new_adapter/first/memory.rs.in"),
        },
    }
}

fn json(profile: &impl serde::Serialize) -> String {
    serde_json::to_string(profile).expect("a profile has a JSON form")
}
