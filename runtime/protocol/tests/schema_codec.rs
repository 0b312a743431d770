//! The schema codec: exact, or refused with the path of the field.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not recognise as such"
)]

use std::collections::BTreeMap;

use longshore_protocol::schema::{self, Path};
use postcard_schema::Schema;
use postcard_schema::schema::owned::{OwnedDataModelType as Type, OwnedNamedType, OwnedNamedValue};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
struct Row {
    name: String,
    price: f64,
    rebate: Option<f32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Box { width: u16, height: u16 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
struct Meters(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
struct All {
    rows: Vec<Row>,
    shape: Shape,
    distance: Meters,
    by_name: BTreeMap<String, i64>,
    by_number: BTreeMap<i16, bool>,
    by_pair: BTreeMap<(u8, u8), String>,
    pair: (char, u8),
    wide: (i128, u128),
    nothing: (),
}

fn schema_of<T: Schema>() -> OwnedNamedType {
    OwnedNamedType::from(T::SCHEMA)
}

fn encode<T: Schema>(value: &Value) -> Result<Vec<u8>, String> {
    schema::encode(&schema_of::<T>(), value, &mut Path::root("params"))
        .map_err(|error| error.to_string())
}

fn decode<T: Schema>(content: &[u8]) -> Result<Value, String> {
    schema::decode(&schema_of::<T>(), content, "result").map_err(|error| error.to_string())
}

/// A value goes through JSON text and back, and both of its forms are what serde and postcard make of it.
fn check_round_trip<T: Schema + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
) {
    let content = postcard::to_allocvec(value).unwrap();
    let text = decode::<T>(&content).unwrap().to_string();
    let again = encode::<T>(&serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(again, content, "{text}");
    assert_eq!(&postcard::from_bytes::<T>(&again).unwrap(), value);
}

prop_compose! {
    fn row()(name in ".{0,8}", price in any::<f64>().prop_filter("NaN is not equal to itself", |x| !x.is_nan()),
             rebate in prop::option::of(any::<f32>().prop_filter("NaN", |x| !x.is_nan()))) -> Row {
        Row { name, price, rebate }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Point),
        (-1e300..1e300).prop_map(Shape::Circle),
        any::<(i32, i32)>().prop_map(|(a, b)| Shape::Line(a, b)),
        any::<(u16, u16)>().prop_map(|(width, height)| Shape::Box { width, height }),
    ]
}

proptest! {
    #[test]
    fn every_value_survives_the_way_through_json(
        rows in prop::collection::vec(row(), 0..4), shape in shape(), distance in any::<u64>(),
        by_name in prop::collection::btree_map(".{0,5}", any::<i64>(), 0..4),
        by_number in prop::collection::btree_map(any::<i16>(), any::<bool>(), 0..4),
        by_pair in prop::collection::btree_map(any::<(u8, u8)>(), ".{0,3}", 0..3),
        pair in any::<(char, u8)>(), wide in any::<(i128, u128)>(),
    ) {
        check_round_trip(&All { rows, shape, distance: Meters(distance), by_name, by_number, by_pair, pair, wide, nothing: () });
    }

    #[test]
    fn postcard_dyn_agrees_where_it_is_exact(rows in prop::collection::vec((".{0,8}", any::<i32>(), any::<bool>()), 0..5)) {
        let schema = schema_of::<Vec<(String, i32, bool)>>();
        let json = json!(rows);
        prop_assert_eq!(
            schema::encode(&schema, &json, &mut Path::root("p")).unwrap(),
            postcard_dyn::to_stdvec_dyn(&schema, &json).unwrap()
        );
    }

    #[test]
    fn arbitrary_bytes_never_crash_the_decoder(content in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = decode::<All>(&content) {
            prop_assert!(value.is_object());
        }
    }
}

#[test]
fn numbers_without_json_form_are_strings() {
    for (number, text) in
        [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")]
    {
        let content = postcard::to_allocvec(&number).unwrap();
        assert_eq!(decode::<f64>(&content).unwrap(), json!(text));
        assert_eq!(encode::<f64>(&json!(text)).unwrap(), content);
    }
}

#[test]
fn a_mismatch_names_its_place() {
    let row = |price: Value| json!([{"name": "a", "price": 1}, {"name": "b", "price": price}]);
    let table = [
        (encode::<Vec<Row>>(&row(json!("x"))), r#"params[1].price: expected f64, got string "x""#),
        (encode::<Vec<Row>>(&json!([{"name": "a"}])), "params[0].price: missing, expected f64"),
        (
            encode::<Vec<Row>>(&json!([{"nmae": "a", "price": 1}])),
            r#"params[0]: unknown field "nmae"; did you mean "name"?"#,
        ),
        (encode::<u8>(&json!(300)), "params: expected u8 (0 to 255), got number 300"),
        (encode::<u8>(&json!(-1)), "params: expected u8 (0 to 255), got number -1"),
        (encode::<u8>(&json!(1.5)), "params: expected u8 (0 to 255), got number 1.5"),
        (
            encode::<u32>(&json!(4_294_967_296_u64)),
            "params: expected u32 (0 to 4294967295), got number 4294967296",
        ),
        (encode::<f32>(&json!(1e300)), "params: expected f32, got number 1e+300"),
        (encode::<char>(&json!("ab")), r#"params: expected char, got string "ab""#),
        (encode::<(u8, u8)>(&json!([1])), "params: expected (u8, u8), got an array of 1"),
        (
            encode::<Shape>(&json!("Pont")),
            r#"params: Shape has no variant "Pont"; did you mean "Point"?"#,
        ),
        (
            encode::<Shape>(&json!({"Box": {"width": 1, "height": "x"}})),
            r#"params.Box.height: expected u16, got string "x""#,
        ),
        (encode::<Shape>(&json!({"Point": 1})), "params.Point: expected no content, got number 1"),
        (
            encode::<BTreeMap<i16, bool>>(&json!({"x": true})),
            r#"params.x: expected i16, got string "x""#,
        ),
    ];
    for (row, (found, expected)) in table.into_iter().enumerate() {
        assert_eq!(found.unwrap_err(), expected, "row {row}");
    }
}

#[test]
fn damaged_content_is_refused_with_its_place() {
    let content =
        postcard::to_allocvec(&vec![Row { name: "a".into(), price: 1.0, rebate: None }]).unwrap();
    let cut = decode::<Vec<Row>>(&content[..content.len() - 3]).unwrap_err();
    assert!(cut.starts_with("result[0].price: expected f64"), "{cut}");
    for not_one in [&b"\0"[..], b"\x02ab"] {
        let error = decode::<char>(not_one).unwrap_err();
        assert_eq!(error, "result: expected char, got a text of another length");
    }
    let mut long = content;
    long.push(0);
    assert_eq!(decode::<Vec<Row>>(&long).unwrap_err(), "result: 1 bytes are left after the value");
}

#[test]
fn a_few_bytes_do_not_become_gigabytes() {
    // A length alone must not make billions of empty items.
    let bomb = postcard::to_allocvec(&u64::MAX).unwrap();
    let refused = "as JSON it would take far more memory than its content";
    assert!(decode::<Vec<()>>(&bomb).unwrap_err().contains(refused));
    // Nor a byte a struct of thousands of fields, or of one whose name has a megabyte.
    let units = (0..10_000).map(|index| (format!("f{index}"), Type::Unit)).collect();
    let long = vec![("n".repeat(1 << 20), Type::Bool)];
    for fields in [units, long] {
        let item = named(Type::Struct(fields.into_iter().map(field).collect()));
        let schema = named(Type::Seq(item.into()));
        let content = postcard::to_allocvec(&vec![true; 60_000]).unwrap();
        let error = schema::decode(&schema, &content, "result").unwrap_err().to_string();
        assert!(error.starts_with("result[") && error.len() < 5_000, "{error}");
    }
    // What is honest has room: a list of bytes takes 72 times its size.
    let honest = postcard::to_allocvec(&vec![7_u8; 1 << 20]).unwrap();
    assert_eq!(decode::<Vec<u8>>(&honest).unwrap().as_array().unwrap().len(), 1 << 20);
}

fn named(ty: Type) -> OwnedNamedType {
    OwnedNamedType { name: "T".into(), ty }
}

fn field((name, ty): (String, Type)) -> OwnedNamedValue {
    OwnedNamedValue { name, ty: named(ty) }
}

#[test]
fn a_null_means_none_and_nothing_else() {
    assert_eq!(decode::<Option<()>>(&[0]).unwrap(), Value::Null);
    assert_eq!(encode::<Option<()>>(&Value::Null).unwrap(), [0]);
    assert_eq!(decode::<Option<Option<u8>>>(&[1, 1, 7]).unwrap(), json!(7));
    for some_null in [decode::<Option<()>>(&[1]), decode::<Option<Option<u8>>>(&[1, 0])] {
        assert_eq!(some_null.unwrap_err(), "result: some null cannot be told from none in JSON");
    }
}

#[test]
fn a_key_that_stands_there_twice_is_refused_both_ways() {
    let pairs = json!([["a", 1], ["b", 2], ["a", 3]]);
    assert_eq!(
        encode::<BTreeMap<String, u8>>(&pairs).unwrap_err(),
        "params[2][0]: the key stands there twice"
    );
    assert_eq!(
        encode::<BTreeMap<u8, u8>>(&json!({"1": 1, " 1": 2})).unwrap_err(),
        "params. 1: the key stands there twice"
    );
    // Two entries: the key (1, 2) twice.
    assert_eq!(
        decode::<BTreeMap<(u8, u8), bool>>(&[2, 1, 2, 0, 1, 2, 1]).unwrap_err(),
        "result: the key [1,2] stands there twice"
    );
}

#[test]
fn the_pointer_sizes_are_those_of_a_guest_in_both_directions() {
    // Each the largest number of 32 bits, and one more; a signed one is serialized as its double.
    for (ty, most) in [(Type::Usize, u64::from(u32::MAX)), (Type::Isize, u64::from(u32::MAX) - 1)] {
        let schema = named(ty);
        let content = |number: u64| postcard::to_allocvec(&number).unwrap();
        let shown = schema::decode(&schema, &content(most), "result").unwrap();
        let again = schema::encode(&schema, &shown, &mut Path::root("params")).unwrap();
        assert_eq!(again, content(most));
        let error = schema::decode(&schema, &content(most + 2), "result").unwrap_err().to_string();
        assert!(error.starts_with("result: expected"), "{error}");
    }
}

/// JSON text is read up to 127 levels deep, so nothing deeper may be shown.
#[test]
fn what_is_shown_can_be_read_again() {
    let mut schema = named(Type::Unit);
    for _ in 0..100 {
        schema = named(Type::Map { key: schema.into(), val: named(Type::Unit).into() });
    }
    let error = schema::decode(&schema, &[1; 100], "result").unwrap_err().to_string();
    assert!(error.ends_with("nested more than 128 levels deep"), "{error}");
}
