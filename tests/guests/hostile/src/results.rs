//! Flows that return what nobody can take: too much, without end, or not what they said.

use std::error::Error;
use std::fmt;

use longshore_sdk::{Bytes, flow, permanent};
use postcard_schema::Schema;
use postcard_schema::schema::NamedType;
use serde::ser::SerializeTuple as _;
use serde::{Serialize, Serializer};

/// Returns as much as it may.
#[flow(timeout = "10s", limits(result = "1KiB"))]
fn returns_the_most() -> Bytes {
    // The length of a byte string of this size takes two bytes.
    Bytes::from(vec![7; 1022])
}

/// Returns one byte more than it may.
#[flow(timeout = "10s", limits(result = "1KiB"))]
fn returns_one_byte_more() -> Bytes {
    Bytes::from(vec![7; 1023])
}

/// Returns a hundred times more than it may.
#[flow(timeout = "10s", memory = "256MiB", limits(result = "1MiB"))]
fn returns_a_giant() -> Bytes {
    Bytes::from(vec![7; 64 << 20])
}

/// Makes a result without end.
#[flow(timeout = "10s", memory = "16MiB")]
fn returns_without_end() -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        numbers.push(numbers.len() as u64);
    }
}

/// Fails with a message that is larger than any result.
#[flow(timeout = "10s", memory = "256MiB", limits(result = "1MiB"))]
fn fails_at_length() -> Result<(), String> {
    Err("x".repeat(100 << 20))
}

/// Fails with a message that is as large as a result may be, and which no person reads.
#[flow(timeout = "10s", memory = "256MiB")]
fn fails_verbosely() -> Result<(), String> {
    Err("\u{1}".repeat(16 << 20))
}

/// An error with a cause, which is the next one.
#[derive(Debug)]
struct Link(Option<&'static Link>);

impl fmt::Display for Link {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("link")
    }
}

impl Error for Link {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.map(|next| next as _)
    }
}

/// Fails for a hundred thousand reasons.
#[flow(timeout = "10s")]
fn fails_for_many_causes() -> Result<(), Link> {
    let mut chain = Link(None);
    for _ in 0..100_000 {
        chain = Link(Some(Box::leak(Box::new(chain))));
    }
    Err(chain)
}

/// Fails in words that a terminal would obey.
#[flow(timeout = "10s")]
fn fails_in_colour() -> longshore_sdk::Result<()> {
    Err(permanent("\u{1b}[31mred\u{1b}]0;title\u{7}\nrun 00000000 Completed").into())
}

/// Fails, and says each time that the next attempt will succeed.
#[flow(timeout = "10s", retries = 3, retry_delay = "1ms")]
fn promises_to_succeed_next_time() -> Result<(), String> {
    Err("just once more".to_owned())
}

/// Says that it returns text, and writes whatever it was made with.
struct Liar<const N: usize>([u8; N]);

impl<const N: usize> Schema for Liar<N> {
    const SCHEMA: &'static NamedType = <Vec<String> as Schema>::SCHEMA;
}

impl<const N: usize> Serialize for Liar<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(N)?;
        for byte in self.0 {
            tuple.serialize_element(&byte)?;
        }
        tuple.end()
    }
}

/// Returns one text that is shorter than it says.
#[flow(timeout = "10s")]
fn returns_half_a_text() -> Liar<4> {
    Liar([1, 9, b'h', b'i'])
}

/// Returns texts of which one is no text.
#[flow(timeout = "10s")]
fn returns_text_that_is_none() -> Liar<4> {
    Liar([1, 2, 0xff, 0xfe])
}

/// Returns more than its type holds.
#[flow(timeout = "10s")]
fn returns_leftovers() -> Liar<5> {
    Liar([1, 2, b'h', b'i', 0])
}

/// Returns a number of texts that is no number.
#[flow(timeout = "10s")]
fn returns_a_number_without_end() -> Liar<12> {
    Liar([0xff; 12])
}

/// Claims more texts than there are atoms in a grain of sand, and has none.
#[flow(timeout = "10s")]
fn claims_countless_texts() -> Liar<9> {
    Liar([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0])
}

/// Says that it returns nothings, as many as there are numbers, which take no space at all.
struct Nothings;

impl Schema for Nothings {
    const SCHEMA: &'static NamedType = <Vec<()> as Schema>::SCHEMA;
}

impl Serialize for Nothings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::MAX)
    }
}

/// Returns countless nothings.
#[flow(timeout = "10s")]
fn returns_countless_nothings() -> Nothings {
    Nothings
}
