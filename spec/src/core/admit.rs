//! What is said of a case that is none for a profile: the sentences that mechanisms share.
//!
//! It does not cover what a case needs: that each mechanism says for itself.

/// A case needs something, which the profile has or not.
pub(crate) fn needs(able: bool, what: &str) -> Result<(), String> {
    if able { Ok(()) } else { Err(format!("needs {what}, which the profile lacks")) }
}

/// A case has so many of something, and may have so many.
pub(crate) fn expect_at_most(what: &str, found: u64, most: u64) -> Result<(), String> {
    if found <= most {
        Ok(())
    } else {
        Err(format!("expected at most {most} {what}, found {found}"))
    }
}
