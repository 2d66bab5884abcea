//! Which cases are for which profile.
//!
//! It does not cover what a device should answer: a case that is admitted may well be refused.

use super::super::contract::Profile;
use super::super::model::misfit;
use super::super::{Attachment, Cipher, Iv, Loopdev, Sector, Transform};
use super::{Change, MOST_SECTORS, Op, Setup};
use crate::core::admit::needs;
use crate::core::{Bytes, Case};

/// The most ops of a case.
const MOST_OPS: usize = 1_000_000;
/// The sectors of all windows lie below this one, so that no byte number overflows.
const SECTORS_END: u64 = 1 << 53;

/// Whether a case is one for an implementation with this profile.
pub(in super::super) fn admits(profile: &Profile, case: &Case<Loopdev>) -> Result<(), String> {
    if case.ops.len() > MOST_OPS {
        return Err(format!("expected at most {MOST_OPS} ops, found {}", case.ops.len()));
    }
    profile.check()?;
    let setup = &case.setup;
    check_setup(profile, setup).map_err(|why| format!("setup: {why}"))?;
    let mut now = setup.attachment.clone();
    for (index, op) in case.ops.iter().enumerate() {
        check_op(profile, setup, &now, op).map_err(|why| format!("op {index}: {why}"))?;
        if let Op::Reopen { change } = op {
            now = change.of(&now);
        }
    }
    Ok(())
}

fn check_setup(profile: &Profile, setup: &Setup) -> Result<(), String> {
    if setup.backing_bytes > SECTORS_END * 512 {
        return Err(format!(
            "expected a backing of at most {} bytes, found {}",
            SECTORS_END * 512,
            setup.backing_bytes
        ));
    }
    if let Some(far) = setup.far {
        needs(profile.far, "a far window")?;
        expect_at_most("a far window from sector", far.0, SECTORS_END)?;
    }
    if !matches!(setup.attachment.transform, Transform::Cipher { .. })
        && !profile.offers(&setup.attachment.transform)
    {
        return Err(format!("the transform {} is not offered", setup.attachment.transform));
    }
    if matches!(setup.attachment.transform, Transform::Registered { .. }) {
        return Err("a transfer can't be registered before the first op".into());
    }
    check_attachment(profile, &setup.attachment, &Change::default())?;
    match misfit(profile, setup.backing_bytes, &setup.attachment) {
        None => Ok(()),
        Some(misfit) => {
            let found = &setup.attachment;
            Err(format!("expected an attachment that fits, found {found}: {misfit}"))
        }
    }
}

fn check_attachment(profile: &Profile, to: &Attachment, change: &Change) -> Result<(), String> {
    if to.offset_bytes != 0 {
        needs(profile.offsets, "an offset")?;
    }
    if to.first != 0 {
        needs(profile.first, "a first number")?;
    }
    if to.size_limit_bytes != 0 {
        needs(profile.size_limit, "a size limit")?;
    }
    if to.read_only {
        needs(profile.read_only, "read-only")?;
    }
    if change.block_bytes.is_some() {
        needs(profile.block_size, "another block size")?;
    }
    expect_block_bytes(to.block_bytes)
}

pub(super) fn check_op(
    profile: &Profile,
    setup: &Setup,
    now: &Attachment,
    op: &Op,
) -> Result<(), String> {
    match op {
        Op::Write { sector, data, cuts, segments, then } => {
            check_request(*sector, data.0.len() as u64, cuts, segments)?;
            match then {
                Some(then) if then.0.len() != data.0.len() => Err(format!(
                    "expected `then` to be as long as `data`, {} bytes, found {}",
                    data.0.len(),
                    then.0.len()
                )),
                _ => Ok(()),
            }
        }
        Op::Read { sector, sectors, cuts, segments } => {
            check_request(*sector, u64::from(*sectors) * 512, cuts, segments)
        }
        Op::SetBlockSize { bytes } => {
            needs(profile.block_size, "another block size")?;
            expect_block_bytes(*bytes)
        }
        Op::Show { sector, sectors } => {
            needs(profile.image, "a look at the image")?;
            check_request(*sector, u64::from(*sectors) * 512, &[], &[])?;
            let end = setup.backing_bytes / 512;
            expect_at_most("a look up to sector", sector.0 + u64::from(*sectors), end)
        }
        Op::Flip { byte, bit } => {
            needs(profile.flips, "damage of the image")?;
            expect_at_most("bit", u64::from(*bit), 7)?;
            expect_at_most("byte", *byte, setup.backing_bytes.saturating_sub(1))
        }
        Op::Reopen { change } | Op::Attach { change } => {
            let to = change.of(now);
            if matches!(to.transform, Transform::Registered { .. }) {
                needs(profile.transfers, "a registered transfer")?;
            }
            check_attachment(profile, &to, change)
        }
        Op::Register { .. } | Op::Unregister { .. } => {
            needs(profile.transfers, "a registered transfer")
        }
        Op::CryptUnit { transform, data, .. } => check_unit(profile, transform, data),
    }
}

fn check_request(sector: Sector, bytes: u64, cuts: &[u32], segments: &[u32]) -> Result<(), String> {
    expect_at_most("sector", sector.0, SECTORS_END)?;
    if bytes == 0 || !bytes.is_multiple_of(512) || bytes > MOST_SECTORS * 512 {
        return Err(format!("expected 1 to {MOST_SECTORS} whole sectors, found {bytes} bytes"));
    }
    for (name, points, step) in [("cuts", cuts, 512), ("segments", segments, 1)] {
        let rising = points.is_sorted_by(|one, next| one < next);
        let inside = points.iter().all(|at| *at > 0 && u64::from(*at) < bytes && at % step == 0);
        if !rising || !inside {
            return Err(format!(
                "expected {name} that rise by multiples of {step} between 0 and {bytes}, \
                 found {points:?}"
            ));
        }
    }
    Ok(())
}

fn check_unit(profile: &Profile, transform: &Transform, data: &Bytes) -> Result<(), String> {
    needs(profile.crypt_unit, "a unit by itself")?;
    let Transform::Cipher { cipher, iv, .. } = transform else {
        return Err(format!("expected a cipher, found {transform}"));
    };
    if !profile.offers(transform) || *iv == Some(Iv::Block) {
        return Err(format!("expected a cipher that is offered and has units, found {transform}"));
    }
    let bytes = data.0.len();
    let loop_aes = iv.is_some_and(|iv| iv.key_lines() > 0);
    let fits = match cipher {
        _ if loop_aes => bytes == 512,
        Cipher::AesXts if profile.partial_units => bytes >= 16,
        _ => bytes >= 16 && bytes.is_multiple_of(16),
    };
    if !fits || bytes as u64 > MOST_SECTORS * 512 {
        return Err(format!("expected the bytes of a unit of {transform}, found {bytes}"));
    }
    Ok(())
}

fn expect_at_most(what: &str, found: u64, most: u64) -> Result<(), String> {
    if found <= most {
        Ok(())
    } else {
        Err(format!("expected {what} at most {most}, found {found}"))
    }
}

fn expect_block_bytes(bytes: u32) -> Result<(), String> {
    match bytes {
        512 | 1024 | 2048 | 4096 => Ok(()),
        _ => Err(format!("expected a block size of 512, 1024, 2048 or 4096, found {bytes}")),
    }
}
