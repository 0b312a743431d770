//! A schema as a person reads it.

use postcard_schema::schema::owned::{
    OwnedDataModelType as Type, OwnedDataModelVariant as Variant, OwnedNamedType,
};

/// The type in one line, close to how its author wrote it: `Vec<Row { name: String, price: f64 }>`.
pub fn describe(schema: &OwnedNamedType) -> String {
    match &schema.ty {
        Type::Bool => "bool".into(),
        Type::I8 => "i8".into(),
        Type::U8 => "u8".into(),
        Type::I16 => "i16".into(),
        Type::I32 => "i32".into(),
        Type::I64 => "i64".into(),
        Type::I128 => "i128".into(),
        Type::U16 => "u16".into(),
        Type::U32 => "u32".into(),
        Type::U64 => "u64".into(),
        Type::U128 => "u128".into(),
        Type::Usize => "usize".into(),
        Type::Isize => "isize".into(),
        Type::F32 => "f32".into(),
        Type::F64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::ByteArray => "bytes".into(),
        Type::Unit => "()".into(),
        Type::UnitStruct => schema.name.clone(),
        Type::Option(inner) => format!("option<{}>", describe(inner)),
        Type::NewtypeStruct(inner) => format!("{}({})", schema.name, describe(inner)),
        Type::Seq(item) => format!("[{}]", describe(item)),
        Type::Tuple(items) => format!("({})", list(items)),
        Type::TupleStruct(items) => format!("{}({})", schema.name, list(items)),
        Type::Map { key, val } => format!("map<{}, {}>", describe(key), describe(val)),
        Type::Struct(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|f| format!("{}: {}", f.name, describe(&f.ty))).collect();
            format!("{} {{ {} }}", schema.name, fields.join(", "))
        }
        Type::Enum(variants) => {
            let variants: Vec<_> = variants.iter().map(|v| variant(&v.name, &v.ty)).collect();
            format!("{} {{ {} }}", schema.name, variants.join(" | "))
        }
        Type::Schema => "schema".into(),
    }
}

fn variant(name: &str, ty: &Variant) -> String {
    match ty {
        Variant::UnitVariant => name.to_owned(),
        Variant::NewtypeVariant(inner) => format!("{name}({})", describe(inner)),
        Variant::TupleVariant(items) => format!("{name}({})", list(items)),
        Variant::StructVariant(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|f| format!("{}: {}", f.name, describe(&f.ty))).collect();
            format!("{name} {{ {} }}", fields.join(", "))
        }
    }
}

fn list(items: &[OwnedNamedType]) -> String {
    items.iter().map(describe).collect::<Vec<_>>().join(", ")
}
