//! Makes the descriptor of a flow while the flow is compiled: postcard, written by `const fn`.
//!
//! `longshore_protocol::descriptor` reads what this writes; a test holds the two together. A const evaluator has
//! no traits, hence a second, small encoder instead of postcard's.

use postcard_schema::Schema;
use postcard_schema::schema::{
    DataModelType, DataModelVariant, NamedType, NamedValue, NamedVariant,
};

use crate::value::{Param, Value};

/// The version of the flow ABI that this SDK was made for: the WIT package's major and minor version.
const ABI: (u16, u16) = (1, 0);

/// Length of a frame's header: `u32` payload length, `u16` major, `u16` minor.
const HEADER_LENGTH: usize = 8;

/// A parameter of a flow.
#[derive(Debug)]
pub struct ParamDescriptor {
    /// Its name in the source.
    pub name: &'static str,
    /// What values it takes.
    pub schema: &'static NamedType,
}

/// A flow as its component describes it: `longshore_protocol::descriptor::FlowDescriptor`, borrowed.
#[derive(Debug)]
pub struct Descriptor {
    /// The flow's name.
    pub name: &'static str,
    /// The function's doc comment.
    pub doc: &'static str,
    /// Its parameters, in the order in which they are serialized.
    pub params: &'static [ParamDescriptor],
    /// What it returns.
    pub result: &'static NamedType,
    /// The attribute's options, as text.
    pub settings: &'static [(&'static str, &'static str)],
}

impl Descriptor {
    /// Returns the length of the frame, which the array that holds it must have.
    pub const fn frame_length(&self) -> usize {
        let mut count = Sink::<0>::new();
        count.descriptor(self);
        HEADER_LENGTH + count.length
    }

    /// Returns the frame. `N` is [`Self::frame_length`].
    pub const fn frame<const N: usize>(&self) -> [u8; N] {
        let mut sink = Sink::<N>::new();
        sink.array(
            (N - HEADER_LENGTH)
                .to_le_bytes()
                .first_chunk::<4>()
                .expect("a usize has at least 32 bits here"),
        );
        sink.array(&ABI.0.to_le_bytes());
        sink.array(&ABI.1.to_le_bytes());
        sink.descriptor(self);
        assert!(sink.length == N, "a frame has the length that was counted for it");
        sink.bytes
    }
}

/// Returns the schema of a parameter.
pub const fn param_schema<T: Param>() -> &'static NamedType {
    T::SCHEMA
}

/// Returns the schema of a result that cannot fail.
pub const fn result_schema<T: Value>() -> &'static NamedType {
    // Under an alias, an `Err` would end the run as completed, with the error as its value.
    assert!(
        !is_same(T::SCHEMA.name, <Result<(), ()> as Schema>::SCHEMA.name),
        "this is a Result under another name, and `#[flow]` cannot see that the flow may fail: write `Result<..>`"
    );
    T::SCHEMA
}

/// Returns the schema of a result that may fail: that of what `Ok` holds.
pub const fn fallible_schema<R: Fallible>() -> &'static NamedType {
    R::SCHEMA
}

/// A `Result`, whatever it is called. It tells what an alias with fewer type arguments holds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a flow",
    label = "not a result type",
    note = "add `#[longshore_sdk::data]` to the struct or enum that it holds",
    note = "`usize` and `isize` have another size on the caller's side: return `u32` or `u64`, `i32` or `i64`"
)]
pub trait Fallible {
    /// The schema of what `Ok` holds.
    const SCHEMA: &'static NamedType;
}

#[diagnostic::do_not_recommend]
impl<T: Value, E> Fallible for Result<T, E> {
    const SCHEMA: &'static NamedType = T::SCHEMA;
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Takes postcard bytes: the first `N` are kept, all are counted. One code path so counts and writes.
struct Sink<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Sink<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    const fn byte(&mut self, byte: u8) {
        if self.length < N {
            self.bytes[self.length] = byte;
        }
        self.length += 1;
    }

    const fn array(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            self.byte(bytes[at]);
            at += 1;
        }
    }

    const fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.byte(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        self.byte(length as u8);
    }

    const fn text(&mut self, text: &str) {
        self.length(text.len());
        self.array(text.as_bytes());
    }

    const fn descriptor(&mut self, descriptor: &Descriptor) {
        let Descriptor { name, doc, params, result, settings } = descriptor;
        self.text(name);
        self.text(doc);
        self.length(params.len());
        let mut at = 0;
        while at < params.len() {
            self.text(params[at].name);
            self.named_type(params[at].schema);
            at += 1;
        }
        self.named_type(result);
        self.length(settings.len());
        let mut at = 0;
        while at < settings.len() {
            self.text(settings[at].0);
            self.text(settings[at].1);
            at += 1;
        }
    }

    const fn named_type(&mut self, schema: &NamedType) {
        self.text(schema.name);
        self.data_model_type(schema.ty);
    }

    /// Discriminants are positions in the declaration of `OwnedDataModelType`.
    const fn data_model_type(&mut self, ty: &DataModelType) {
        self.byte(discriminant(ty));
        match ty {
            DataModelType::Option(inner)
            | DataModelType::NewtypeStruct(inner)
            | DataModelType::Seq(inner) => {
                self.named_type(inner);
            }
            DataModelType::Tuple(elements) | DataModelType::TupleStruct(elements) => {
                self.named_types(elements);
            }
            DataModelType::Map { key, val } => {
                self.named_type(key);
                self.named_type(val);
            }
            DataModelType::Struct(fields) => self.fields(fields),
            DataModelType::Enum(variants) => self.variants(variants),
            _ => {}
        }
    }

    const fn named_types(&mut self, types: &[&NamedType]) {
        self.length(types.len());
        let mut at = 0;
        while at < types.len() {
            self.named_type(types[at]);
            at += 1;
        }
    }

    const fn fields(&mut self, fields: &[&NamedValue]) {
        self.length(fields.len());
        let mut at = 0;
        while at < fields.len() {
            self.text(fields[at].name);
            self.named_type(fields[at].ty);
            at += 1;
        }
    }

    /// Discriminants are positions in the declaration of `OwnedDataModelVariant`.
    const fn variants(&mut self, variants: &[&NamedVariant]) {
        self.length(variants.len());
        let mut at = 0;
        while at < variants.len() {
            self.text(variants[at].name);
            match variants[at].ty {
                DataModelVariant::UnitVariant => self.byte(0),
                DataModelVariant::NewtypeVariant(inner) => {
                    self.byte(1);
                    self.named_type(inner);
                }
                DataModelVariant::TupleVariant(elements) => {
                    self.byte(2);
                    self.named_types(elements);
                }
                DataModelVariant::StructVariant(fields) => {
                    self.byte(3);
                    self.fields(fields);
                }
            }
            at += 1;
        }
    }
}

const fn discriminant(ty: &DataModelType) -> u8 {
    match ty {
        DataModelType::Bool => 0,
        DataModelType::I8 => 1,
        DataModelType::U8 => 2,
        DataModelType::I16 => 3,
        DataModelType::I32 => 4,
        DataModelType::I64 => 5,
        DataModelType::I128 => 6,
        DataModelType::U16 => 7,
        DataModelType::U32 => 8,
        DataModelType::U64 => 9,
        DataModelType::U128 => 10,
        DataModelType::Usize => 11,
        DataModelType::Isize => 12,
        DataModelType::F32 => 13,
        DataModelType::F64 => 14,
        DataModelType::Char => 15,
        DataModelType::String => 16,
        DataModelType::ByteArray => 17,
        DataModelType::Option(_) => 18,
        DataModelType::Unit => 19,
        DataModelType::UnitStruct => 20,
        DataModelType::NewtypeStruct(_) => 21,
        DataModelType::Seq(_) => 22,
        DataModelType::Tuple(_) => 23,
        DataModelType::TupleStruct(_) => 24,
        DataModelType::Map { .. } => 25,
        DataModelType::Struct(_) => 26,
        DataModelType::Enum(_) => 27,
        DataModelType::Schema => 28,
    }
}

#[cfg(test)]
mod tests {
    use postcard_schema::schema::owned::OwnedNamedType;

    use super::*;

    fn encoded(schema: &NamedType) -> Vec<u8> {
        let mut sink = Sink::<4096>::new();
        sink.named_type(schema);
        sink.bytes[..sink.length].to_vec()
    }

    fn leaf(ty: &'static DataModelType) -> NamedType {
        NamedType { name: "leaf", ty }
    }

    #[test]
    fn every_kind_of_type_is_encoded_as_postcard_does() {
        static U8: &NamedType = u8::SCHEMA;
        static FIELD: &NamedValue = &NamedValue { name: "field", ty: U8 };
        static UNIT: &NamedVariant =
            &NamedVariant { name: "a", ty: &DataModelVariant::UnitVariant };
        static NEWTYPE: &NamedVariant =
            &NamedVariant { name: "b", ty: &DataModelVariant::NewtypeVariant(U8) };
        static TUPLE: &NamedVariant =
            &NamedVariant { name: "c", ty: &DataModelVariant::TupleVariant(&[U8, U8]) };
        static STRUCT: &NamedVariant =
            &NamedVariant { name: "d", ty: &DataModelVariant::StructVariant(&[FIELD]) };
        static TYPES: &[DataModelType] = &[
            DataModelType::Bool,
            DataModelType::I8,
            DataModelType::U8,
            DataModelType::I16,
            DataModelType::I32,
            DataModelType::I64,
            DataModelType::I128,
            DataModelType::U16,
            DataModelType::U32,
            DataModelType::U64,
            DataModelType::U128,
            DataModelType::Usize,
            DataModelType::Isize,
            DataModelType::F32,
            DataModelType::F64,
            DataModelType::Char,
            DataModelType::String,
            DataModelType::ByteArray,
            DataModelType::Option(U8),
            DataModelType::Unit,
            DataModelType::UnitStruct,
            DataModelType::NewtypeStruct(U8),
            DataModelType::Seq(U8),
            DataModelType::Tuple(&[U8, U8]),
            DataModelType::TupleStruct(&[U8, U8]),
            DataModelType::Map { key: U8, val: U8 },
            DataModelType::Struct(&[FIELD, FIELD]),
            DataModelType::Enum(&[UNIT, NEWTYPE, TUPLE, STRUCT]),
            DataModelType::Schema,
        ];
        for (position, ty) in TYPES.iter().enumerate() {
            let schema = leaf(ty);
            assert_eq!(usize::from(discriminant(ty)), position, "{ty:?}");
            assert_eq!(
                encoded(&schema),
                postcard::to_allocvec(&OwnedNamedType::from(&schema)).unwrap(),
                "{ty:?}"
            );
            assert_eq!(encoded(&schema), postcard::to_allocvec(&schema).unwrap(), "{ty:?}");
        }
    }

    #[test]
    fn lengths_over_127_take_two_bytes() {
        let name: &'static str = Box::leak("x".repeat(300).into_boxed_str());
        let schema = NamedType { name, ty: &DataModelType::Bool };
        assert_eq!(encoded(&schema), postcard::to_allocvec(&schema).unwrap());
    }
}
