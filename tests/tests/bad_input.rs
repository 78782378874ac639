//! Bad input at each boundary of the running system: a clear answer that names the place, and
//! nothing lost or half done.

use agog_tests::demo::cast::{Company, drained, materials, refused};
use agog_tests::demo::checks::{same_ledger, same_quantities};
use agog_tests::support::plant::PlantPlan;
use agog_tests::support::process::Program;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Above what the JMF endpoint and the jobs API read.
const OVERSIZED_BYTES: usize = 80 * 1024 * 1024;

#[tokio::test]
async fn every_boundary_refuses_bad_input_and_keeps_the_books() -> Result<()> {
    let world = World::start("bad_input").await?;
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let materials = materials();
    let plan = PlantPlan {
        code: "HAM",
        name: "Hamburg",
        materials: &materials,
        presses: &[],
    };
    let plant = world.plant(&company.tenant, &plan).await?;
    let roll = [
        "lot",
        "receive",
        "--number",
        "ROLL",
        "--material",
        "BOARD-300",
    ];
    plant
        .command(&[&roll[..], &["--quantity", "100"]].concat())
        .await?;

    // Operators.
    for (arguments, said) in [
        (&["lot", "consume", "GHOST", "--quantity", "1"][..], "GHOST"),
        (&["lot", "consume", "ROLL", "--quantity=-5"][..], "-5"),
        (
            &["lot", "consume", "ROLL", "--quantity", "101"][..],
            "holds 100 sheet",
        ),
        (
            &["lot", "consume", "ROLL", "--quantity", "1", "--unit", "l"][..],
            "sheet",
        ),
        (
            &[
                "lot",
                "consume",
                "ROLL",
                "--quantity",
                "1",
                "--unit",
                "stone",
            ][..],
            "stone",
        ),
        (
            &["lot", "split", "ROLL", "--into", "A=60", "--into", "B=60"][..],
            "holds 100 sheet",
        ),
        (
            &["lot", "receive", "--material", "NOPE", "--quantity", "1"][..],
            "NOPE",
        ),
    ] {
        let sentence = refused(&plant, arguments).await?;
        assert!(sentence.contains(said), "{arguments:?}: {sentence}");
    }

    // Machines.
    let client = reqwest::Client::new();
    let jmf = async |body: Vec<u8>| -> Result<(u16, String)> {
        let answer = client
            .post(plant.jmf_url()?)
            .header("Content-Type", "application/vnd.cip4-jmf+xml")
            .body(body)
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    let (status, text) =
        jmf(b"<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1'>\n <Query".to_vec()).await?;
    assert_eq!(status, 200);
    assert!(
        text.contains("ReturnCode=\"3\"") && text.contains("line 2"),
        "{text}"
    );
    let doctype =
        b"<!DOCTYPE JMF [<!ENTITY a 'b'>]>\n<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1'/>";
    let (status, text) = jmf(doctype.to_vec()).await?;
    assert_eq!(status, 200);
    assert!(
        text.contains("ReturnCode=\"3\"") && text.contains("line 1"),
        "{text}"
    );
    // The agent may close the connection instead of reading it all; it must not take it.
    if let Ok((status, _)) = jmf(vec![b' '; OVERSIZED_BYTES]).await {
        assert_eq!(status, 413);
    }

    // The office.
    let job = |jdf: &str| json!({ "number": "J", "plant": "HAM", "device": "press-3", "jdf": jdf });
    for (jdf, said) in [
        ("<JDF", "line 1"),
        (
            "<!DOCTYPE JDF []><JDF xmlns='http://www.CIP4.org/JDFSchema_1_1'/>",
            "line 1",
        ),
        (
            "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Product' Status='Waiting' Version='1.5'/>",
            "execut",
        ),
    ] {
        let answer = company
            .post(&world.hub, "/api/v1/jobs", jdf, &job(jdf))
            .await?;
        assert_eq!(answer.status, 422, "{jdf}: {}", answer.text);
        assert!(answer.text.contains(said), "{jdf}: {}", answer.text);
        is_problem(&answer.body)?;
    }
    let answer = world
        .hub
        .get(
            &company.token,
            "/api/v1/inventory/waste-analysis?period=soon",
        )
        .await?;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("YYYY-MM"), "{}", answer.text);

    drained(&plant).await?;
    assert_eq!(
        same_ledger(&world.hub, &plant, &company).await?,
        1,
        "only the receipt"
    );
    same_quantities(&world.hub, &plant, &company).await?;
    Ok(())
}

fn is_problem(body: &Value) -> Result<()> {
    for key in ["type", "title", "status", "code", "request_id"] {
        body.get(key)
            .with_context(|| format!("the problem has no `{key}`: {body}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_configuration_key_is_refused_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (program, config) in [
        ("agog-edge", "[agent]\nname = \"x\"\ncolour = \"red\"\n"),
        (
            "agog-hub",
            "[server]\nlisten = \"127.0.0.1:0\"\ncolour = \"red\"\n",
        ),
    ] {
        let path = folder.path().join(format!("{program}.toml"));
        std::fs::write(&path, config)?;
        let verb = if program == "agog-edge" {
            "check"
        } else {
            "migrate"
        };
        let output = Program::ours(program)?
            .arg("--config")
            .arg(&path)
            .arg(verb)
            .try_output()
            .await?;
        assert!(!output.succeeded);
        assert!(
            output.stderr.contains("colour") && output.stderr.contains("line 3"),
            "{program}: {}",
            output.stderr
        );
    }
    Ok(())
}
