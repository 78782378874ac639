//! The ledger for other programs: lines of JSON, and EPCIS 2.0 documents.

use std::collections::BTreeSet;
use std::path::Path;

use agog_sync::chain::ChainHead;
use agog_sync::event::Envelope;
use agog_sync::ids::ProducerId;
use serde_json::Value;

use crate::support::*;

/// Business steps and dispositions of CBV 2.0, as far as an agent may use them.
const BIZ_STEPS: [&str; 11] = [
    "receiving",
    "creating_class_instance",
    "decommissioning",
    "destroying",
    "cycle_counting",
    "storing",
    "shipping",
    "holding",
    "inspecting",
    "packing",
    "unpacking",
];
const DISPOSITIONS: [&str; 8] = [
    "active",
    "in_progress",
    "in_transit",
    "inactive",
    "destroyed",
    "non_sellable_other",
    "available",
    "returned",
];

/// A plant with a GS1 prefix in which every kind of movement has happened.
fn plant_with_every_movement() -> Program {
    let mut program = Program::init();
    let config = std::fs::read_to_string(program.config_path()).unwrap();
    let config = config.replace(
        "code = \"CARTON-A\"\n",
        "code = \"CARTON-A\"\ngtin = \"4012345123456\"\n",
    ) + "\n[epcis]\nuri_base = \"https://id.example.com/\"\ncompany_prefix = \"4012345\"\nplant_gln = \"4012345000009\"\n";
    std::fs::write(program.config_path(), config).unwrap();
    program.start();
    for line in [
        "receive --number LOT-1 --material BOARD-300 --quantity 50000 --supplier Acme --supplier-lot 77 --at 2025-10-15T08:30:00Z",
        "split LOT-1 --into LOT-1-A=10000 --into LOT-1-B=15000 --waste LOT-1-W=500",
        "consume LOT-1-A --quantity 9000.5 --job Job/7 --order O-1 --customer ABC",
        "consume LOT-1-A --quantity 9",
        "waste LOT-1-A --quantity 200 --reason misregistration",
        "produce --job Job/7 --material CARTON-A --number FG-1 --quantity 8000",
        "produce --job Job/7 --material CARTON-A --number A-NUMBER-OF-OVER-TWENTY-CHARACTERS --quantity 1",
        "move FG-1 --to Ramp 2",
        "adjust LOT-1-B --by -5 --reason count",
        "adjust LOT-1-B --by 7 --reason count",
        "hold FG-1 --reason banding",
        "release FG-1 --reason checked",
        "merge LOT-1-B=95 LOT-1=5 --number LOT-M",
        "pack FG-1=300 LOT-M --sscc (00)340123450000000017",
        "unpack FG-1=100 --sscc 340123450000000017",
        "ship FG-1 --quantity 100 --order O-1 --customer ABC --reference DN-7",
        "ship --sscc 340123450000000017 --order O-2 --customer XYZ",
    ] {
        let mut arguments = vec!["lot"];
        // A place is the only value with a space.
        let words = line.replace("Ramp 2", "Ramp\u{a0}2");
        arguments.extend(words.split(' '));
        program.ok(&arguments);
    }
    program
}

/// A plant with ten sheets of one lot.
fn plant_with_a_lot() -> Program {
    let mut program = Program::init();
    program.start();
    let receive = "lot receive --number L --material BOARD-300 --quantity 10";
    program.ok(&receive.split(' ').collect::<Vec<_>>());
    program
}

fn epcis(program: &Program) -> Value {
    serde_json::from_str(&program.ok(&["ledger", "export", "--format", "epcis"])).unwrap()
}

fn events(document: &Value) -> &Vec<Value> {
    document["epcisBody"]["eventList"].as_array().unwrap()
}

/// What is not as EPCIS 2.0 has it: the facts of the standard that a receiver's schema checks.
fn shape_problems(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |good: bool, what: String| {
        if !good {
            found.push(what);
        }
    };
    check(document["type"] == "EPCISDocument", "type".to_owned());
    check(
        document["schemaVersion"] == "2.0",
        "schemaVersion".to_owned(),
    );
    check(
        is_time(&document["creationDate"]),
        "creationDate".to_owned(),
    );
    check(
        document["@context"][0]
            .as_str()
            .is_some_and(|at| at.ends_with("epcis-context.jsonld")),
        "@context".to_owned(),
    );
    let mut ids = BTreeSet::new();
    for event in events(document) {
        let kind = event["type"].as_str().unwrap_or_default();
        let say = |what: &str| format!("{kind} {}: {what}", event["agog:kind"]);
        // What is declared wrong is told once more, under its own id.
        let wrong = event.get("errorDeclaration");
        check(
            ids.insert(event["eventID"].to_string()) == wrong.is_none(),
            say("eventID again"),
        );
        check(
            wrong.is_none_or(|wrong| {
                is_time(&wrong["declarationTime"]) && wrong["reason"].is_string()
            }),
            say("errorDeclaration"),
        );
        check(is_uri(&event["eventID"]), say("eventID"));
        check(is_time(&event["eventTime"]), say("eventTime"));
        check(is_time(&event["recordTime"]), say("recordTime"));
        let offset = event["eventTimeZoneOffset"].as_str().unwrap_or_default();
        check(
            offset.len() == 6 && offset.starts_with(['+', '-']) && &offset[3..4] == ":",
            say("eventTimeZoneOffset"),
        );
        let own: &[&str] = match kind {
            "ObjectEvent" => &["action", "epcList", "quantityList", "ilmd"],
            "AggregationEvent" => &["action", "parentID", "childQuantityList"],
            "TransformationEvent" => &[
                "inputQuantityList",
                "outputQuantityList",
                "transformationID",
                "ilmd",
            ],
            _ => &[],
        };
        check(!own.is_empty(), say("type"));
        let common = [
            "type",
            "eventID",
            "eventTime",
            "eventTimeZoneOffset",
            "recordTime",
            "errorDeclaration",
            "bizStep",
            "disposition",
            "readPoint",
            "bizLocation",
            "bizTransactionList",
            "sourceList",
            "destinationList",
        ];
        for key in event.as_object().unwrap().keys() {
            let known = common.contains(&key.as_str()) || own.contains(&key.as_str());
            check(known || key.starts_with("agog:"), say(key));
        }
        for (key, known) in [
            ("bizStep", &BIZ_STEPS[..]),
            ("disposition", &DISPOSITIONS[..]),
        ] {
            if let Some(value) = event.get(key) {
                check(
                    value.as_str().is_some_and(|value| known.contains(&value)),
                    say(key),
                );
            }
        }
        for key in ["readPoint", "bizLocation"] {
            if let Some(value) = event.get(key) {
                check(is_uri(&value["id"]), say(key));
            }
        }
        let mut things = 0;
        for key in [
            "quantityList",
            "inputQuantityList",
            "outputQuantityList",
            "childQuantityList",
        ] {
            for element in event
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                things += 1;
                check(is_uri(&element["epcClass"]), say("epcClass"));
                let unit = element.get("uom").and_then(Value::as_str);
                check(
                    element.get("quantity").is_none_or(|quantity| {
                        quantity.as_f64().is_some_and(|amount| amount > 0.0)
                            && unit.is_some_and(|unit| (2..=3).contains(&unit.len()))
                    }),
                    say("quantity and uom"),
                );
            }
        }
        check(things > 0, say("no object"));
        if kind == "AggregationEvent" {
            check(is_uri(&event["parentID"]), say("parentID"));
        }
        if kind == "TransformationEvent" {
            let whole = event.get("inputQuantityList").is_some()
                && event.get("outputQuantityList").is_some();
            check(
                whole || is_uri(&event["transformationID"]),
                say("transformationID"),
            );
        } else {
            let action = event["action"].as_str().unwrap_or_default();
            check(
                ["ADD", "OBSERVE", "DELETE"].contains(&action),
                say("action"),
            );
            // Master data belongs to what begins.
            check(event.get("ilmd").is_none() || action == "ADD", say("ilmd"));
        }
        for (list, value, kinds) in [
            (
                "bizTransactionList",
                "bizTransaction",
                &["po", "desadv", "rma"][..],
            ),
            (
                "sourceList",
                "source",
                &["possessing_party", "owning_party"][..],
            ),
            (
                "destinationList",
                "destination",
                &["possessing_party", "owning_party"][..],
            ),
        ] {
            for element in event
                .get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                check(is_uri(&element[value]), say(list));
                check(
                    element["type"]
                        .as_str()
                        .is_some_and(|kind| kinds.contains(&kind)),
                    say(list),
                );
            }
        }
    }
    found
}

fn is_time(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok())
}

fn is_uri(value: &Value) -> bool {
    value.as_str().is_some_and(|uri| {
        uri.split_once(':')
            .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
            && uri
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
    })
}

fn of_kind<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    events(document)
        .iter()
        .filter(|event| event["agog:kind"] == kind)
        .collect()
}

#[test]
fn every_movement_is_an_epcis_event_of_the_shape_of_the_standard() {
    let program = plant_with_every_movement();
    let document = epcis(&program);

    assert_eq!(shape_problems(&document), Vec::<String>::new());
    // Each movement, and the waste of the split is told a second time, as destroyed; a container leaves with two lots.
    assert_eq!(events(&document).len(), 19);

    let received = of_kind(&document, "lot.received")[0];
    assert_eq!(
        (&received["action"], &received["bizStep"]),
        (&"ADD".into(), &"receiving".into())
    );
    assert_eq!(received["eventTime"], "2025-10-15T08:30:00Z");
    assert_eq!(received["quantityList"][0]["uom"], "NAR");
    assert_eq!(received["ilmd"]["cbvmda:lotNumber"], "LOT-1");
    assert_eq!(
        received["sourceList"][0]["source"],
        "https://id.example.com/party/Acme"
    );
    assert_eq!(
        received["readPoint"]["id"],
        "urn:epc:id:sgln:4012345.00000.0"
    );
    let roll = &received["quantityList"][0]["epcClass"];
    assert!(
        roll.as_str()
            .unwrap()
            .starts_with("https://id.example.com/lot/"),
        "{roll}"
    );

    let split = of_kind(&document, "lot.split");
    assert_eq!(split[0]["type"], "TransformationEvent");
    assert_eq!(&split[0]["inputQuantityList"][0]["epcClass"], roll);
    assert_eq!(split[0]["inputQuantityList"][0]["quantity"], 25500);
    assert_eq!(split[0]["outputQuantityList"].as_array().unwrap().len(), 3);
    assert_eq!(split[1]["disposition"], "destroyed");
    assert_eq!(split[1]["quantityList"][0]["quantity"], 500);

    let consumed = of_kind(&document, "lot.consumed");
    let produced = of_kind(&document, "lot.produced");
    assert_eq!(
        consumed[0]["transformationID"],
        "https://id.example.com/job/HAM/Job%2F7"
    );
    assert_eq!(
        consumed[0]["transformationID"],
        produced[0]["transformationID"]
    );
    assert_eq!(consumed[0]["inputQuantityList"][0]["quantity"], 9000.5);
    assert_eq!(consumed[1]["action"], "DELETE");
    let cartons = "urn:epc:class:lgtin:4012345.012345.FG-1";
    assert_eq!(produced[0]["outputQuantityList"][0]["epcClass"], cartons);
    assert_eq!(produced[0]["outputQuantityList"][0]["uom"], "H87");
    let long = produced[1]["outputQuantityList"][0]["epcClass"]
        .as_str()
        .unwrap();
    assert!(long.starts_with("https://id.example.com/lot/"), "{long}");

    let adjusted = of_kind(&document, "lot.adjusted");
    assert_eq!(
        (&adjusted[0]["action"], &adjusted[1]["action"]),
        (&"DELETE".into(), &"ADD".into())
    );
    assert_eq!(adjusted[0]["quantityList"][0]["quantity"], 5);
    let moved = of_kind(&document, "lot.moved")[0];
    assert_eq!(
        moved["bizLocation"]["id"],
        "https://id.example.com/location/HAM/Ramp%C2%A02"
    );
    assert_eq!(
        of_kind(&document, "lot.held")[0]["disposition"],
        "non_sellable_other"
    );
    assert_eq!(
        of_kind(&document, "lot.released")[0]["disposition"],
        "active"
    );
    let shipped = of_kind(&document, "lot.shipped")[0];
    assert_eq!(shipped["quantityList"][0]["epcClass"], cartons);
    assert_eq!(
        shipped["bizTransactionList"][0]["bizTransaction"],
        "https://id.example.com/order/O-1"
    );
    assert_eq!(shipped["bizTransactionList"][1]["type"], "desadv");
    assert_eq!(
        shipped["destinationList"][0]["destination"],
        "https://id.example.com/party/ABC"
    );
    assert!(shipped.get("bizLocation").is_none());
}

#[test]
fn a_lot_stays_unsellable_in_epcis_while_another_hold_stands() {
    let program = plant_with_a_lot();
    let hold = |reason: &str| -> String {
        let told = program.ok(&["lot", "hold", "L", "--reason", reason, "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        let holds = told["lots"][0]["holds"].as_array().unwrap();
        holds.last().unwrap()["hold_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (first, second) = (hold("banding"), hold("curl"));
    program.ok(&[
        "lot", "release", "L", "--hold", &first, "--reason", "checked",
    ]);
    program.ok(&[
        "lot", "release", "L", "--hold", &second, "--reason", "checked",
    ]);

    let document = epcis(&program);
    assert_eq!(shape_problems(&document), Vec::<String>::new());
    let released = of_kind(&document, "lot.released");
    assert_eq!(released[0]["disposition"], "non_sellable_other");
    assert_eq!(released[1]["disposition"], "active");
}

#[test]
fn what_came_back_is_returned_in_epcis_and_what_was_corrected_is_declared_wrong() {
    let program = plant_with_a_lot();
    let tell = |line: &str| program.ok(&line.split(' ').collect::<Vec<_>>());
    tell("lot ship L --quantity 6 --order O-1 --customer ABC");
    tell("lot return L --quantity 2 --order O-1 --customer ABC --reason colour --reference RN-3");
    let wasted: Value =
        serde_json::from_str(&tell("lot waste L --quantity 1 --reason trim --json")).unwrap();
    let wasted = wasted["events"][0]["event_id"].as_str().unwrap();
    tell(&format!("lot correct {wasted} --reason typo"));

    let document = epcis(&program);
    assert_eq!(shape_problems(&document), Vec::<String>::new());
    let returned = of_kind(&document, "lot.returned")[0];
    assert_eq!(returned["disposition"], "returned");
    assert_eq!(returned["bizTransactionList"][1]["type"], "rma");
    let told = of_kind(&document, "lot.wasted");
    assert_eq!(told[0]["eventID"], format!("urn:uuid:{wasted}"));
    assert!(told[0].get("errorDeclaration").is_none());
    assert_eq!(told[1]["eventID"], told[0]["eventID"]);
    assert_eq!(told[1]["quantityList"], told[0]["quantityList"]);
    assert_eq!(told[1]["errorDeclaration"]["reason"], "incorrect_data");
}

#[test]
fn the_check_of_the_shape_finds_what_the_standard_does_not_have() {
    let program = plant_with_a_lot();
    let good = epcis(&program);
    assert_eq!(shape_problems(&good), Vec::<String>::new());
    for (pointer, wrong) in [
        ("/schemaVersion", Value::from("1.2")),
        ("/epcisBody/eventList/0/action", Value::from("MAKE")),
        ("/epcisBody/eventList/0/bizStep", Value::from("splitting")),
        (
            "/epcisBody/eventList/0/eventTimeZoneOffset",
            Value::from("UTC"),
        ),
        (
            "/epcisBody/eventList/0/quantityList/0/epcClass",
            Value::from("LOT 1"),
        ),
        (
            "/epcisBody/eventList/0/quantityList/0/quantity",
            Value::from("10"),
        ),
        (
            "/epcisBody/eventList/0/quantityList",
            Value::from(Vec::<Value>::new()),
        ),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = wrong;
        assert!(!shape_problems(&document).is_empty(), "{pointer}");
    }
}

#[test]
fn what_epcis_has_no_word_for_is_counted_and_said() {
    let program = plant_with_a_lot();
    let copy = program.folder.path().join("copy.db");
    let file = copy.to_str().unwrap();
    program.ok(&["ledger", "backup", file]);
    let change = |sql: &str| {
        rusqlite::Connection::open(&copy)
            .unwrap()
            .execute(sql, [])
            .unwrap();
    };
    let again = |kind: &str, n: u32| {
        format!(
            "insert into event select null, producer_id, epoch, seq + {n}, event_id, '{kind}', version, occurred_at,
             recorded_at, actor, payload, prev_hash, hash, 0 from event where position = 1"
        )
    };
    change(&again("lot.teleported", 1));
    change(&again("telemetry.gap", 2));
    let arguments = ["ledger", "export", "--format", "epcis", "--file", file];
    let output = program.command(&arguments);
    // A gap with the payload of a lot cannot be read: it must not pass for one that has no counterpart.
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let out = program.folder.path().join("out.json");
    program.fails(
        1,
        &[&arguments[..], &["--output", out.to_str().unwrap()]].concat(),
    );
    assert!(!out.exists() && !program.folder.path().join("out.json.partial").exists());

    change("delete from event where kind = 'telemetry.gap'");
    let output = program.command(&arguments);
    assert!(output.status.success());
    let said = text(&output.stderr);
    assert!(
        said.contains("left out: 1 × lot.teleported: NOT KNOWN"),
        "{said}"
    );
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(events(&document).len(), 1);
}

#[derive(serde::Deserialize)]
struct Line {
    position: i64,
    producer: ProducerId,
    epoch: u64,
    event: Envelope,
}

fn lines(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn exported_lines_can_be_proven_and_go_on_where_an_export_ended() {
    let mut program = Program::init();
    program.start();
    for n in 1..=5 {
        let at = format!("2026-11-0{n}T08:00:00Z");
        let number = format!("L-{n}");
        program.ok(&[
            "lot",
            "receive",
            "--number",
            &number,
            "--material",
            "BOARD-300",
            "--quantity",
            "10",
            "--at",
            &at,
        ]);
    }
    let file = |name: &str| program.folder.path().join(name);
    let export = |name: &str, more: &[&str]| {
        let path = file(name);
        let to = ["ledger", "export", "--output", path.to_str().unwrap()];
        let output = program.command(&[&to[..], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let said = export("all.ndjson", &[]);
    assert!(
        said.contains("5 events read; go on with --after 5"),
        "{said}"
    );
    let all = lines(&file("all.ndjson"));
    let mut head = ChainHead::genesis(all[0].producer, all[0].epoch);
    for line in &all {
        line.event
            .verify(line.producer, line.epoch, &head.hash)
            .unwrap();
        head = line.event.head();
    }
    assert_eq!(head.last_seq, 5);

    program.ok(&["lot", "move", "L-1", "--to", "B"]);
    export("rest.ndjson", &["--after", &all[4].position.to_string()]);
    let rest = lines(&file("rest.ndjson"));
    assert_eq!(rest.len(), 1);
    rest[0]
        .event
        .verify(rest[0].producer, rest[0].epoch, &head.hash)
        .unwrap();

    export(
        "days.ndjson",
        &[
            "--from",
            "2026-11-02T08:00:00Z",
            "--to",
            "2026-11-04T08:00:00Z",
        ],
    );
    let days: Vec<u64> = lines(&file("days.ndjson"))
        .iter()
        .map(|line| line.event.seq)
        .collect();
    assert_eq!(days, [2, 3]);

    let taken = file("all.ndjson");
    let refused = program.fails(
        1,
        &["ledger", "export", "--output", taken.to_str().unwrap()],
    );
    assert!(refused.contains("is there already"), "{refused}");
    assert_eq!(lines(&taken).len(), 5);
}
