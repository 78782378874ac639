//! Devices over the command line and the local API, while the agent runs.

use agog_edge::devices::known::Origin;
use agog_edge::devices::routes::DeviceView;

use crate::devices::{Simulator, configure};
use crate::support::*;

fn listed(program: &Program) -> Vec<DeviceView> {
    serde_json::from_str(&program.ok(&["--json", "device", "list"])).unwrap()
}

#[test]
fn a_device_is_added_watched_changed_and_removed_without_a_restart() {
    let mut program = Program::init();
    let (_press, url) = Simulator::start(&program);
    program.start();
    assert!(program.ok(&["device", "list"]).contains("no device"));

    program.ok(&[
        "device",
        "add",
        "press-3",
        "--url",
        &url,
        "--set",
        "heartbeat_s=1",
        // Text, though it looks like a number.
        "--set",
        "jmf_version=1.3",
    ]);

    wait_for("the press signals", || {
        listed(&program)[0].last_signal_age_s.map(drop)
    });
    program.ok(&["device", "change", "press-3", "--name", "Press 3"]);
    let changed = &listed(&program)[0];
    assert_eq!(changed.name.as_deref(), Some("Press 3"));
    assert_eq!(
        (changed.profile.heartbeat_s, changed.origin),
        (1, Origin::Api)
    );
    assert_eq!(changed.profile.jmf_version, "1.3");

    program.signal("TERM");
    program.wait();
    program.start();
    assert_eq!(listed(&program).len(), 1);
    program.ok(&["device", "remove", "press-3"]);
    assert!(listed(&program).is_empty());
    let gone = program.fails(1, &["device", "remove", "press-3"]);
    assert!(gone.contains("device-unknown"), "{gone}");
}

#[test]
fn what_cannot_be_added_or_changed_is_refused_with_the_field_or_the_file() {
    let mut program = Program::init();
    configure(
        &program,
        "\n[[device]]\nid = \"press-1\"\nurl = \"http://127.0.0.1:1/jmf\"\n",
    );
    program.start();
    for (arguments, why) in [
        (vec!["device", "remove", "press-1"], "agog-edge.toml"),
        (
            vec!["device", "change", "press-1", "--name", "P"],
            "device-in-file",
        ),
        (
            vec!["device", "add", "press-1", "--url", "http://127.0.0.1:2/"],
            "device-exists",
        ),
        (vec!["device", "add", "x", "--url", "ftp://x"], "`url`"),
        (
            vec![
                "device",
                "add",
                "x",
                "--url",
                "http://agog:geheim@127.0.0.1:2/",
            ],
            "must not name a user or password",
        ),
        (
            vec![
                "device",
                "add",
                "x",
                "--url",
                "http://x/",
                "--set",
                "heartbeat_s=0",
            ],
            "`settings.heartbeat_s`",
        ),
        (
            vec!["device", "add", "x", "--to", "data/in", "--from", "out"],
            "data folder",
        ),
    ] {
        let text = program.fails(1, &arguments);
        assert!(text.contains(why), "{arguments:?}: {text}");
        assert!(!text.contains("geheim"), "{text}");
    }
    assert_eq!(listed(&program).len(), 1);
}
