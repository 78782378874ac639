//! Labels as scanners send them and as people write them.

use jiff::civil::Date;
use proptest::prelude::*;

use super::{Element, GS, Gs1Error, Label, human_readable, read, table};

fn today() -> Date {
    "2026-11-28".parse().unwrap()
}

fn elements(text: &str) -> Vec<Element> {
    let scanned = read(text, today()).unwrap();
    scanned.elements.expect("it is an element string")
}

fn refused(text: &str) -> String {
    read(text, today()).unwrap_err().to_string()
}

const ROLL: &str = "(01)04012345123456(10)ROLL-77(17)270200(3101)004585(21)A/1";

#[test]
fn a_label_says_goods_lot_quantity_and_expiry_however_it_was_scanned() {
    let data = "010401234512345617270200310100458510ROLL-77\u{1d}21A/1";
    for scanned in [
        ROLL.to_owned(),
        data.to_owned(),
        format!("{GS}{data}"),
        format!("]C1{data}"),
        format!("]d2{data}"),
        format!("]Q3{data}{GS}"),
        format!("]e0{data}"),
    ] {
        let label = Label::of(&elements(&scanned));
        assert_eq!(label.gtin.as_deref(), Some("04012345123456"), "{scanned}");
        assert_eq!(label.lot.as_deref(), Some("ROLL-77"), "{scanned}");
        assert_eq!(label.serial.as_deref(), Some("A/1"), "{scanned}");
        assert_eq!(label.quantity.unwrap().to_string(), "458.5 kg", "{scanned}");
        assert_eq!(label.expiry.unwrap().to_string(), "2027-02-28", "{scanned}");
    }
}

#[test]
fn a_pallet_label_says_its_number_what_is_in_it_and_how_many() {
    let scanned = "]C10034012345000000001702040123451234563712\u{1d}10LOT1";
    let label = Label::of(&elements(scanned));
    assert_eq!(label.sscc.unwrap().to_string(), "340123450000000017");
    assert_eq!(label.gtin.as_deref(), Some("04012345123456"));
    assert_eq!(label.quantity.unwrap().to_string(), "12 piece");
    assert_eq!(label.lot.as_deref(), Some("LOT1"));
}

#[test]
fn lengths_and_areas_are_in_units_of_the_ledger() {
    for (text, expected) in [
        ("(3110)001200", "1200 m"),
        ("(3142)012050", "120.5 m2"),
        ("(3150)000020", "20 l"),
        ("(3163)001500", "1500 l"),
        ("(30)250", "250 piece"),
    ] {
        let label = Label::of(&elements(text));
        assert_eq!(label.quantity.unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn barcodes_of_the_house_stay_what_they_are() {
    for (text, behind) in [
        ("LOT-2025-001", "LOT-2025-001"),
        ("10AB", "10AB"),
        ("0104012345123457", "0104012345123457"),
        ("]C0HAM-20261122-0001", "HAM-20261122-0001"),
        ("]d1(10)AB", "(10)AB"),
        ("]d310AB", "10AB"),
        ("(x)", "(x)"),
        ("", ""),
        ("]C", "]C"),
    ] {
        let scanned = read(text, today()).unwrap();
        assert_eq!((scanned.elements, scanned.text), (None, behind), "{text}");
    }
}

#[test]
fn an_ean_is_a_gtin_when_the_scanner_says_that_it_is_one() {
    let label = Label::of(&elements("]E04012345123456"));
    assert_eq!(label.gtin.as_deref(), Some("04012345123456"));
    assert_eq!(
        refused("]E04012345123457"),
        "AI (01) at character 16 has check digit 7, expected 6: misread?"
    );
    assert_eq!(read("4012345123456", today()).unwrap().elements, None);
}

#[test]
fn what_is_wrong_names_the_ai_and_the_place() {
    for (text, expected) in [
        ("]C110", "AI (10) at character 6 has no data"),
        (
            "]C10104012345123457",
            "AI (01) at character 19 has check digit 7, expected 6: misread?",
        ),
        (
            "(10)AB(17)261301",
            "AI (17) at character 11 has `261301`, which is no date",
        ),
        (
            "]C10104012345",
            "AI (01) at character 6 has 8 characters of data, expected 14",
        ),
        (
            "(10)ABCDEFGHIJKLMNOPQRSTU",
            "AI (10) at character 5 has 21 characters of data, expected at most 20",
        ),
        ("(30)1x", "AI (30): `x` at character 6 is no digit"),
        (
            "(10)A#B",
            "AI (10): `#` at character 6 is no character of GS1",
        ),
        (
            "(10)A(10)B",
            "AI (10) is there twice, at character 10 with other data",
        ),
        (
            "]C10104012345123456zz",
            "there is no application identifier at character 20: `zz`",
        ),
        (
            "]C1",
            "there is no application identifier at character 4: ``",
        ),
        (
            "(8008)261128073",
            "AI (8008) at character 7 has 9 characters of data, expected 8, 10 or 12",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn an_ai_that_is_not_known_is_kept_and_what_follows_it_is_found() {
    let found = elements("]C1190000001010AB\u{1d}99internal\u{1d}8200http\u{1d}21S");
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.ai.as_str(), it.name.as_str(), it.data.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("19", "unknown", "000000"),
            ("10", "batch-lot", "10AB"),
            ("99", "unknown", "internal"),
            ("8200", "unknown", "http"),
            ("21", "serial", "S"),
        ]
    );
}

#[test]
fn the_number_of_a_part_may_have_a_hash_mark() {
    let found = elements("]C180104012345A#7-1");
    assert_eq!(
        (found[0].ai.as_str(), found[0].data.as_str()),
        ("8010", "4012345A#7-1")
    );
}

/// As a scanner would send it: predefined lengths first or not, with separators where they are needed.
fn composed(parts: &[(String, String)]) -> String {
    let mut text = "]C1".to_owned();
    for (ai, data) in parts {
        text.push_str(ai);
        text.push_str(data);
        if table::predefined(ai).is_none() {
            text.push(GS);
        }
    }
    text
}

fn with_check_digit(body: u64, digits: usize) -> String {
    let body = format!("{body:0digits$}");
    let check = agog_sync::sscc::check_digit(&body);
    format!("{body}{check}")
}

prop_compose! {
    fn label()(
        gtin in 0_u64..10_000_000_000_000,
        sscc in 0_u64..100_000_000_000_000_000,
        lot in "[!-'*-/:-?A-Z_a-z0-9]{1,20}",
        serial in "[A-Za-z0-9/]{1,20}",
        count in 0_u32..100_000_000,
        weight in 0_u32..1_000_000,
        decimals in 0_u8..6,
        (year, month, day) in (0_u8..100, 1_u8..13, 0_u8..29),
        order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(),
    ) -> Vec<(String, String)> {
        // `#` and `$` are none of GS1.
        let lot = lot.replace(['#', '$', '@'], "x");
        let parts = [
            ("01".to_owned(), with_check_digit(gtin, 13)),
            ("00".to_owned(), with_check_digit(sscc, 17)),
            ("10".to_owned(), lot),
            ("21".to_owned(), serial),
            ("37".to_owned(), count.to_string()),
            (format!("310{decimals}"), format!("{weight:06}")),
            ("17".to_owned(), format!("{year:02}{month:02}{day:02}")),
        ];
        order.into_iter().map(|place| parts[place].clone()).collect()
    }
}

proptest! {
    #[test]
    fn what_is_composed_reads_back_in_both_forms(parts in label()) {
        let expected: Vec<_> = parts.iter().map(|(ai, data)| (ai.as_str(), data.as_str())).collect();
        let scanned = elements(&composed(&parts));
        let found: Vec<_> = scanned.iter().map(|it| (it.ai.as_str(), it.data.as_str())).collect();
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(elements(&human_readable(&scanned)), scanned);
    }

    #[test]
    fn one_wrong_digit_of_a_gtin_is_always_found(gtin in 0_u64..10_000_000_000_000, place in 0_usize..14, add in 1_u8..10) {
        let mut digits = with_check_digit(gtin, 13).into_bytes();
        digits[place] = b'0' + (digits[place] - b'0' + add) % 10;
        let wrong = String::from_utf8(digits).unwrap();
        let is_found = matches!(read(&format!("(01){wrong}"), today()), Err(Gs1Error::CheckDigit { .. }));
        prop_assert!(is_found, "{}", wrong);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(\\]C1)?[\\(\\)0-9A-Za-z\u{1d}äß]{0,60}") {
        let _ = read(&text, today());
    }

    #[test]
    fn nothing_at_all_makes_it_panic(text in any::<String>()) {
        let _ = read(&text, today());
    }
}
