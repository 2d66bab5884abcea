//! Byte strings in cases and events, as lower-case hex in JSON; and numbers that hug edges.

use std::fmt;

use arbitrary::Unstructured;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A byte string, in JSON lower-case hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whole up to eight bytes; longer ones by their first bytes and their length.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => write!(f, "nothing"),
            all if all.len() <= 8 => write!(f, "{}", hex::encode(all)),
            [first, rest @ ..] if rest.iter().all(|byte| byte == first) => {
                write!(f, "{first:02x} × {}", self.0.len())
            }
            all => write!(f, "{}… ({} bytes)", hex::encode(&all[..8]), all.len()),
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(D::Error::custom("expected lower-case hex, found an upper-case letter"));
        }
        hex::decode(text.as_bytes())
            .map(Bytes)
            .map_err(|error| D::Error::custom(format!("expected bytes as hex: {error}")))
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^([0-9a-f]{2})*$",
            "description": "A byte string as lower-case hex."
        })
    }
}

/// Draws a number that hugs edges: 0, 1, most powers of two up to 2⁶⁰, 2⁶³ and 2⁶⁴ with their
/// neighbours, and now and then any number at all.
///
/// # Errors
///
/// When `u` refuses to give more bytes.
pub fn hug(u: &mut Unstructured<'_>) -> arbitrary::Result<u64> {
    let tag: u8 = u.arbitrary()?;
    let near = u64::from(tag >> 6); // 0, 1, 2 or 3 above the power of two less two
    Ok(match tag & 0x3f {
        0 => near,
        61 => (1u64 << 63).wrapping_sub(2).wrapping_add(near),
        62 => 0u64.wrapping_sub(2).wrapping_add(near),
        63 => u.arbitrary()?,
        exponent => (1u64 << exponent).wrapping_sub(2).wrapping_add(near),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_lower_case_hex_in_json() {
        let bytes = Bytes(vec![0x00, 0xab, 0x10]);
        let text = serde_json::to_string(&bytes).unwrap();
        assert_eq!(text, "\"00ab10\"");
        assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), bytes);
    }

    #[test]
    fn what_is_not_lower_case_hex_is_refused() {
        for text in ["\"AB\"", "\"abc\"", "\"0x12\"", "\"g0\"", "7"] {
            assert!(serde_json::from_str::<Bytes>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_story_shows_short_bytes_whole_and_long_ones_by_their_start() {
        assert_eq!(Bytes(vec![]).to_string(), "nothing");
        assert_eq!(Bytes(vec![1, 2]).to_string(), "0102");
        assert_eq!(Bytes(vec![0x41; 512]).to_string(), "41 × 512");
        assert_eq!(Bytes((0..16).collect()).to_string(), "0001020304050607… (16 bytes)");
    }

    #[test]
    fn numbers_hug_the_edges() {
        let hugged = |tag: u8| hug(&mut Unstructured::new(&[tag])).unwrap();
        assert_eq!([0, 1 << 6, 2 << 6].map(hugged), [0, 1, 2]);
        assert_eq!(
            [32, 32 | 2 << 6, 32 | 3 << 6].map(hugged),
            [(1 << 32) - 2, 1 << 32, (1 << 32) + 1]
        );
        assert_eq!(hugged(61 | 1 << 6), (1 << 63) - 1);
        assert_eq!([62, 62 | 1 << 6, 62 | 2 << 6].map(hugged), [u64::MAX - 1, u64::MAX, 0]);
    }
}
