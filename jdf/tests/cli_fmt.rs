//! `agog-jdf fmt` as a user runs it.

#[path = "support/cli.rs"]
mod cli;

use cli::Desk;

const UGLY: &str = "<?xml version='1.0' encoding='UTF-8'?><!-- head --><JDF  ID = 'n'\n   xmlns=\"http://www.CIP4.org/JDFSchema_1_1\"\
    ><ResourcePool ><Media ID=\"m\" Brand='a &amp; &#246;' /><!-- two\n  lines --></ResourcePool>\n\n<AuditPool>\n</AuditPool>\
    <Comment>  kept  &lt; </Comment><Comment><![CDATA[ <kept> ]]></Comment><Comment>a <b/> c</Comment>\
    <v:x xmlns:v='urn:v' xml:space='preserve'> <v:y/> </v:x></JDF >";
const PRETTY: &str = "<?xml version='1.0' encoding='UTF-8'?>\n<!-- head -->\n<JDF ID='n' xmlns=\"http://www.CIP4.org/JDFSchema_1_1\">\n  \
    <ResourcePool>\n    <Media ID=\"m\" Brand='a &amp; &#246;'/>\n    <!-- two\n  lines -->\n  </ResourcePool>\n  <AuditPool></AuditPool>\n  \
    <Comment>  kept  &lt; </Comment>\n  <Comment><![CDATA[ <kept> ]]></Comment>\n  <Comment>a <b/> c</Comment>\n  \
    <v:x xmlns:v='urn:v' xml:space='preserve'> <v:y/> </v:x>\n</JDF>\n";

#[test]
fn a_document_is_printed_laid_out_and_the_file_stays() {
    let desk = Desk::with(&[("a.jdf", UGLY)]);
    let ended = desk.run(&["fmt", "a.jdf"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), PRETTY));
    assert_eq!(std::fs::read_to_string(desk.path("a.jdf")).unwrap(), UGLY);
}

#[test]
fn files_are_written_in_place_when_asked_and_only_if_they_change() {
    let desk = Desk::with(&[("a.jdf", UGLY), ("b.jdf", PRETTY)]);
    let ended = desk.run(&["fmt", "--check", "a.jdf", "b.jdf"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), "a.jdf\n"));
    let ended = desk.run(&["fmt", "--write", "a.jdf", "b.jdf"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "a.jdf\n"));
    assert_eq!(std::fs::read_to_string(desk.path("a.jdf")).unwrap(), PRETTY);
    assert_eq!(desk.names(), ["a.jdf", "b.jdf"], "nothing temporary stays");
    let ended = desk.run(&["fmt", "--check", "a.jdf", "b.jdf"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn a_file_in_place_keeps_its_permissions_and_its_links() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::with(&[("a.jdf", UGLY)]);
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(desk.path("a.jdf"), mode).unwrap();
    std::os::unix::fs::symlink("a.jdf", desk.path("link.jdf")).unwrap();
    assert_eq!(desk.run(&["fmt", "--write", "link.jdf"]).code, Some(0));
    assert!(desk.path("link.jdf").is_symlink());
    let metadata = std::fs::metadata(desk.path("a.jdf")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_to_string(desk.path("a.jdf")).unwrap(), PRETTY);
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_laid_out() {
    let desk = Desk::with(&[("broken.jdf", "<JDF>"), ("a.jdf", UGLY)]);
    let ended = desk.run(&["fmt", "--write", "broken.jdf", "a.jdf"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(3), "a.jdf\n"));
    assert!(ended.err.contains("`broken.jdf`"), "{}", ended.err);
    assert_eq!(
        std::fs::read_to_string(desk.path("broken.jdf")).unwrap(),
        "<JDF>"
    );
}

#[test]
fn encoding_byte_order_mark_and_line_ends_are_kept() {
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let desk = Desk::with(&[]);
    std::fs::write(
        desk.path("a.jdf"),
        utf16("<?xml version='1.0'?>\r\n<a><b c='ö'/></a>"),
    )
    .unwrap();
    assert_eq!(desk.run(&["fmt", "--write", "a.jdf"]).code, Some(0));
    assert_eq!(
        std::fs::read(desk.path("a.jdf")).unwrap(),
        utf16("<?xml version='1.0'?>\r\n<a>\r\n  <b c='ö'/>\r\n</a>\r\n")
    );
    std::fs::write(
        desk.path("b.jdf"),
        b"<?xml version='1.0' encoding='iso-8859-1'?><a><b c='\xF6'/></a>",
    )
    .unwrap();
    assert_eq!(desk.run(&["fmt", "--write", "b.jdf"]).code, Some(0));
    assert_eq!(
        std::fs::read(desk.path("b.jdf")).unwrap(),
        b"<?xml version='1.0' encoding='iso-8859-1'?>\n<a>\n  <b c='\xF6'/>\n</a>\n"
    );
}
