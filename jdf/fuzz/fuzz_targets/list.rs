//! Numbers, lists, ranges, and every data type of the specification: reading what was written gives the same.
#![no_main]

use agog_jdf::resource::{Ranges, Value};
use agog_jdf::schema::PARTITION_KEYS;
use agog_jdf::value::{Matrix, RangeList, parse_boolean, parse_decimal, parse_integer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(number) = parse_decimal(text) {
        assert_eq!(parse_decimal(&number.to_string()), Some(number));
    }
    let _ = (parse_integer(text), parse_boolean(text));
    if let Some(ranges) = Ranges::read(text) {
        assert_eq!(Ranges::read(&ranges.write()), Some(ranges));
    }
    if let Some(pair) = <[f64; 2]>::read(text) {
        assert_eq!(<[f64; 2]>::read(&Value::write(&pair)), Some(pair));
    }
    if let Some(ranges) = Ranges::read(text) {
        assert!(ranges.indices(100).take(1000).all(|index| index < 100));
    }
    if let Some(list) = RangeList::<[f64; 2]>::read(text) {
        assert_eq!(RangeList::<[f64; 2]>::read(&list.write()), Some(list));
    }
    if let Some(matrix) = Matrix::read(text) {
        assert_eq!(Matrix::read(&matrix.write()), Some(matrix));
        let _ = matrix.inverse();
    }
    for facts in PARTITION_KEYS {
        let _ = facts.check(text);
    }
    for element in agog_jdf::schema::elements() {
        for attribute in element.attributes() {
            let _ = attribute.data_type.check(text);
        }
        break;
    }
});
