//! The laws of the loop device, in id order.
use super::Loopdev;
use crate::core::*;
pub(super) const LAWS: &[Law<Loopdev>] = &[Law {
    id: LawId("LOOPDEV-00"),
    level: Level::Must,
    says: "The implementation answers, and skips an op exactly when its slot requires it.",
    source: Source::Ours {
        why: "what does not answer can't be judged",
    },
    needs: always,
    check: Check::Answers,
}];
