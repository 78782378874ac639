//! What `agog-jdf` says of itself.

#[path = "support/cli.rs"]
mod cli;

use cli::Desk;

#[test]
fn every_command_is_listed_and_shows_how_it_is_used() {
    let desk = Desk::with(&[]);
    let overview = desk.run(&["--help"]);
    assert_eq!(overview.code, Some(0));
    let listed = overview.out.split("Commands:\n").nth(1).unwrap();
    let names: Vec<&str> = listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        let help = desk.run(&["help", name]);
        assert_eq!(help.code, Some(0), "{name}");
        let example = format!("agog-jdf {name}");
        let after = help.out.split("Example").nth(1).unwrap_or_default();
        assert!(
            after.contains(&example),
            "no example in the help of `{name}`"
        );
    }
    for told in ["Exit codes:", "standard input", "agog-jdf submit http"] {
        assert!(overview.out.contains(told), "{told}");
    }
    assert!(desk.names().is_empty(), "{:?}", desk.folder());
}

#[test]
fn a_wrong_command_line_is_told_with_the_usual_exit_code() {
    let desk = Desk::with(&[]);
    let ended = desk.run(&["submit", "http://press/", "t.jdf", "--priority", "101"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("101"), "{}", ended.err);
    let ended = desk.command(&["submit"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{}", desk.path("").display());
}
