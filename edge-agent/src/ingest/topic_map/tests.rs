//! What messages mean, by rules as they are written in the configuration.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn map(rules: &str) -> TopicMap {
    #[derive(serde::Deserialize)]
    struct File {
        topic: Vec<MqttTopic>,
    }
    let file: File = toml::from_str(rules).unwrap();
    TopicMap::new(&file.topic).unwrap()
}

const fn fresh() -> Delivery {
    Delivery {
        arrived_at: Timestamp::UNIX_EPOCH,
        retained: false,
    }
}

/// `device metric value`, in order, and what is wrong.
fn read(map: &TopicMap, topic: &str, payload: &str) -> (Vec<String>, Option<BadMessage>) {
    let understood = map.read(topic, payload.as_bytes(), fresh());
    let samples = understood.samples.iter();
    let samples = samples.map(|sample| {
        let series = &sample.series;
        format!("{} {} {}", series.device, series.metric, sample.value)
    });
    (samples.collect(), understood.fault)
}

fn good(map: &TopicMap, topic: &str, payload: &str) -> Vec<String> {
    let (samples, fault) = read(map, topic, payload);
    assert_eq!(fault, None, "{payload}");
    samples
}

#[test]
fn device_and_metric_come_from_the_levels_of_the_topic() {
    let map = map(
        "[[topic]]\nfilter = \"agog/+/+\"\ndevice = \"{1}\"\nmetric = \"{2}\"\nvalue = \"/value\"\ntime = \"/at\"\nunit = \"sheets/h\"",
    );
    let payload = br#"{"value": 12500.5, "at": "2025-10-16T14:20:00Z"}"#;
    let samples = map.read("agog/press-3/speed", payload, fresh()).samples;
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].series.device, "press-3");
    assert_eq!(samples[0].series.metric, "speed");
    assert_eq!(samples[0].series.unit.as_deref(), Some("sheets/h"));
    assert_eq!(samples[0].at.to_string(), "2025-10-16T14:20:00Z");
    assert!((samples[0].value - 12_500.5).abs() < f64::EPSILON);
}

/// The values and their microseconds.
fn timed(map: &TopicMap, payload: &str) -> Vec<(f64, i64)> {
    let samples = map.read("p", payload.as_bytes(), fresh()).samples;
    let samples = samples.iter();
    samples
        .map(|sample| (sample.value, sample.at.as_microsecond()))
        .collect()
}

#[test]
fn equal_values_of_one_message_without_a_time_are_that_many_samples() {
    let rule =
        "[[topic]]\nfilter = \"p\"\ndevice = \"d\"\nmetric = \"m\"\neach = \"\"\nvalue = \"/v\"\n";
    let payload = r#"[{"v": 5, "t": 1760624400}, {"v": 5, "t": 1760624400}]"#;
    assert_eq!(timed(&map(rule), payload), [(5.0, 0), (5.0, 1)]);
    let with_time = format!("{rule}time = \"/t\"\ntime_format = \"unix-s\"\n");
    let at = 1_760_624_400_000_000;
    assert_eq!(
        timed(&map(&with_time), payload),
        [(5.0, at), (5.0, at)],
        "a time of its own stays as it is"
    );
}

#[test]
fn without_a_metric_every_number_and_flag_of_the_object_is_a_series_and_the_time_is_none() {
    let map = map(
        "[[topic]]\nfilter = \"plant/#\"\ndevice = \"press\"\ntime = \"/ts\"\nvalues = { run = 1 }",
    );
    let payload = r#"{"ts": 1760624400000, "speed": 9000, "state": "run", "on": true, "by": "Jane", "x": null}"#;
    let mut samples = good(&map, "plant/a/b", payload);
    samples.sort();
    assert_eq!(samples, ["press on 1", "press speed 9000", "press state 1"]);
}

#[test]
fn a_payload_may_be_one_number_flag_or_text() {
    let map = map(
        "[[topic]]\nfilter = \"scale/+\"\ndevice = \"scale-{1}\"\nmetric = \"weight\"\nscale = 0.1\noffset = 2\nvalues = { OFF = 0 }",
    );
    assert_eq!(good(&map, "scale/7", "105"), ["scale-7 weight 12.5"]);
    assert_eq!(
        good(&map, "scale/7", " +105.0\r\n"),
        ["scale-7 weight 12.5"]
    );
    assert_eq!(good(&map, "scale/7", "true"), ["scale-7 weight 1"]);
    assert_eq!(good(&map, "scale/7", "OFF"), ["scale-7 weight 0"]);
    let (samples, fault) = read(&map, "scale/7", "ERROR");
    assert!(samples.is_empty());
    assert_eq!(
        fault,
        Some(BadMessage::NotANumber("the payload".to_owned()))
    );
}

#[test]
fn several_values_of_a_message_have_names_units_and_texts_of_their_own() {
    let map = map("[[topic]]\nfilter = \"p/+\"\ndevice = \"{1}\"\n\
         [[topic.metrics]]\nmetric = \"speed\"\nvalue = \"/speed\"\nunit = \"sheets/h\"\n\
         [[topic.metrics]]\nmetric = \"state\"\nvalue = \"/state\"\nvalues = { run = 2, idle = 1 }\n");
    assert_eq!(
        good(&map, "p/a", r#"{"speed": 9000, "state": "run"}"#),
        ["a speed 9000", "a state 2"]
    );
    // Machines leave out what has not changed.
    assert_eq!(good(&map, "p/a", r#"{"state": "idle"}"#), ["a state 1"]);
    // What is right is taken, what is wrong is told.
    let (samples, fault) = read(&map, "p/a", r#"{"speed": 9000, "state": "?"}"#);
    assert_eq!(samples, ["a speed 9000"]);
    assert_eq!(fault, Some(BadMessage::NotANumber("/state".to_owned())));
    let (_, fault) = read(&map, "p/a", "{}");
    assert_eq!(fault, Some(BadMessage::Missing("/speed".to_owned())));
}

#[test]
fn an_array_of_readings_gives_one_each_and_takes_what_they_share_from_the_message() {
    let map = map(
        "[[topic]]\nfilter = \"gw/+\"\ndevice = \"{/machine}\"\nmetric = \"{/n}\"\neach = \"/readings\"\nvalue = \"/v\"\ntime = \"/t\"\ntime_format = \"unix-s\"",
    );
    let payload = r#"{"machine": "gluer-1", "t": 1760624400, "readings": [{"n": "heat", "v": 41.5}, {"n": "glue", "v": "x"}, {"n": "speed", "v": 7, "t": 1760624401}]}"#;
    let understood = map.read("gw/1", payload.as_bytes(), fresh());
    let times: Vec<_> = understood
        .samples
        .iter()
        .map(|it| it.at.as_second())
        .collect();
    assert_eq!(times, [1_760_624_400, 1_760_624_401]);
    assert_eq!(understood.samples[1].series.metric, "speed");
    assert_eq!(
        understood.fault,
        Some(BadMessage::NotANumber("/v".to_owned()))
    );
    let (_, fault) = read(&map, "gw/1", r#"{"readings": 1}"#);
    assert_eq!(fault, Some(BadMessage::NotAnArray("/readings".to_owned())));
}

#[test]
fn csv_has_columns_by_number_by_given_name_and_by_the_name_in_its_header() {
    let by_number = map(
        "[[topic]]\nfilter = \"c/+\"\ndevice = \"{1}\"\nmetric = \"heat\"\nvalue = 1\ncsv = {}",
    );
    assert_eq!(
        good(&by_number, "c/a", "x,41.5\ny,42\n"),
        ["a heat 41.5", "a heat 42"]
    );
    let by_name = map(
        "[[topic]]\nfilter = \"c/+\"\ndevice = \"{line}\"\nmetric = \"heat\"\nvalue = \"heat\"\ntime = \"time\"\ntime_format = \"%d.%m.%Y %H:%M:%S\"\ntime_zone = \"UTC\"\n\
         csv = { delimiter = \";\", columns = [\"time\", \"line\", \"heat\"], decimal_comma = true }",
    );
    let understood = by_name.read("c/a", b"16.10.2025 14:20:00;L2;41,5", fresh());
    assert_eq!(understood.samples[0].series.device, "L2");
    assert_eq!(understood.samples[0].at.to_string(), "2025-10-16T14:20:00Z");
    let with_header = map(
        "[[topic]]\nfilter = \"c/+\"\ndevice = \"{1}\"\ntime = \"t\"\ntime_format = \"unix-ms\"\ncsv = { header = true }",
    );
    assert_eq!(
        good(
            &with_header,
            "c/a",
            "t,heat,speed\r\n1,41.5,\r\n2,42,9000\r\n"
        ),
        ["a heat 41.5", "a heat 42", "a speed 9000"]
    );
}

#[test]
fn bad_messages_say_what_is_wrong() {
    let map = map(
        "[[topic]]\nfilter = \"a/+\"\ndevice = \"{4}\"\nmetric = \"m\"\nvalue = \"/v\"\ntime = \"/t\"",
    );
    let fault = |topic: &str, payload: &str| read(&map, topic, payload).1.unwrap();
    assert_eq!(fault("b/c", "1"), BadMessage::NoRule("b/c".to_owned()));
    assert_eq!(fault("a/c", "{"), BadMessage::NotJson);
    assert_eq!(fault("a/c", "1"), BadMessage::Missing("/t".to_owned()));
    assert_eq!(
        fault("a/c", r#"{"t":true}"#),
        BadMessage::NotATime("/t".to_owned())
    );
    assert!(matches!(
        fault("a/c", r#"{"t":0,"v":1}"#),
        BadMessage::NoLevel { level: 4, .. }
    ));
    let not_text = map.read("a/c", &[0xff, 0xfe], fresh());
    assert_eq!(not_text.fault, Some(BadMessage::NotText));
}

#[test]
fn a_message_with_too_many_values_gives_none() {
    let map = map("[[topic]]\nfilter = \"a\"\ndevice = \"d\"\nmetric = \"m\"\neach = \"\"");
    let payload = format!("[{}]", vec!["1"; SAMPLES_PER_MESSAGE_MAX + 1].join(","));
    assert_eq!(
        read(&map, "a", &payload),
        (vec![], Some(BadMessage::TooMany))
    );
}

#[test]
fn a_retained_message_without_its_own_time_gives_no_sample() {
    let map = map("[[topic]]\nfilter = \"a/b\"\ndevice = \"d\"\nmetric = \"m\"");
    let retained = Delivery {
        retained: true,
        ..fresh()
    };
    assert_eq!(map.read("a/b", b"1", retained), Understood::default());
}

#[test]
fn a_filter_that_another_one_covers_is_not_subscribed_to() {
    let rule = |filter: &str| {
        format!("[[topic]]\nfilter = \"{filter}\"\ndevice = \"d\"\nmetric = \"m\"\n")
    };
    let filters = ["a/+/x", "a/#", "b/+", "a/#", "+/c"];
    let map = map(&filters.map(rule).join(""));
    assert_eq!(map.filters().collect::<Vec<_>>(), ["a/#", "b/+", "+/c"]);
}

#[test]
fn the_map_is_told_in_words_with_overlaps_and_rules_that_never_give_a_sample() {
    let map = map("[[topic]]\nfilter = \"plant/#\"\ndevice = \"{1}\"\n\
         [[topic]]\nfilter = \"plant/+/heat\"\ndevice = \"{1}\"\nmetric = \"heat\"\nscale = 0.1\nunit = \"C\"\ntime = \"/t\"\nvalue = \"/v\"\n\
         [[topic]]\nfilter = \"scale/+\"\ndevice = \"{2}\"\nmetric = \"weight\"\ncsv = {}\nvalue = 3\n");
    let rules = map.explain();
    let takes: Vec<_> = rules.iter().map(|rule| rule.takes.as_str()).collect();
    assert_eq!(
        takes,
        [
            "device {1}, a metric from every number and flag of the payload; when it arrives",
            "device {1}, metric heat from /v (over 10, in C); time from /t (RFC 3339 or milliseconds since 1970)",
            "device {2}, metric weight from column 3; when it arrives, for each line of CSV with `,`",
        ]
    );
    assert_eq!(
        rules[1].overlaps,
        ["rule 1 (plant/#) gets all of its messages too"]
    );
    assert!(rules[0].overlaps.is_empty() && rules[0].never.is_none());
    assert_eq!(
        rules[2].never.as_deref(),
        Some("it needs level {2} of the topic, and its topics end with {1}")
    );
}

proptest! {
    /// Whatever a machine or an attacker sends: no panic, no endless loop, and only samples that can be stored.
    #[test]
    fn any_payload_is_understood_or_told_to_be_bad(
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[-0-9eE.,;\"\\[\\]{}:a-c/ \n]{0,80}".prop_map(String::into_bytes),
        ],
        topic in "[a-c/{}]{0,20}",
    ) {
        let map = map(
            "[[topic]]\nfilter = \"#\"\ndevice = \"{0}\"\n\
             [[topic]]\nfilter = \"#\"\ndevice = \"d\"\nmetric = \"{/a}\"\neach = \"/a\"\nvalue = \"/b\"\ntime = \"/c\"\n\
             [[topic]]\nfilter = \"#\"\ndevice = \"d\"\ncsv = { delimiter = \";\", header = true, decimal_comma = true }\n",
        );
        let understood = map.read(&topic, &payload, fresh());
        for sample in understood.samples {
            prop_assert!(sample.value.is_finite());
            prop_assert!(!sample.series.device.is_empty() && !sample.series.metric.is_empty());
        }
    }

    /// A number comes through as it was written, to the last bit.
    #[test]
    fn numbers_come_through(value in -1e300_f64..1e300) {
        let json = map("[[topic]]\nfilter = \"a\"\ndevice = \"d\"\nmetric = \"m\"\nvalue = \"/v\"");
        let csv = map("[[topic]]\nfilter = \"a\"\ndevice = \"d\"\nmetric = \"m\"\ncsv = {}\nvalue = 0");
        let read = |map: &TopicMap, payload: String| map.read("a", payload.as_bytes(), fresh()).samples[0].value;
        prop_assert_eq!(read(&csv, value.to_string()).to_bits(), value.to_bits());
        let from_json = read(&json, format!("{{\"v\":{value:e}}}"));
        prop_assert_eq!(from_json.to_bits(), value.to_bits());
    }
}
