//! Blocks on their way to the hub: in order, in epochs, acknowledged.

use super::{Bench, close_each, delivered, delivered_values, next};
use crate::telemetry::{Limits, Part};

#[tokio::test]
async fn delivered_blocks_go_and_a_new_epoch_counts_from_one() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    close_each(&telemetry, &bench, 0..4).await;
    telemetry.acked(1, 2).await.unwrap();
    assert_eq!(next(&telemetry, Part::Live).await, Some((1, 3, 4)));

    telemetry.begin_epoch(2).await.unwrap();

    assert_eq!(next(&telemetry, Part::Live).await, Some((2, 1, 2)));
    let mut standing = telemetry.standing();
    let now = standing
        .wait_for(|standing| standing.epoch == 2)
        .await
        .unwrap();
    assert_eq!((now.last_block, now.acked_block), (2, 0));
}

#[tokio::test]
async fn a_hub_that_was_set_back_gets_numbers_without_what_it_had() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    close_each(&telemetry, &bench, 0..4).await;
    telemetry.acked(1, 3).await.unwrap();

    telemetry.acked(1, 1).await.unwrap();

    assert_eq!(next(&telemetry, Part::Live).await, Some((1, 2, 4)));
    assert_eq!(delivered_values(&telemetry).await, [3.0]);
}

#[tokio::test]
async fn behind_a_backlog_a_new_epoch_takes_what_comes_and_nothing_is_renumbered() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    close_each(&telemetry, &bench, 0..20).await;
    assert!(
        !telemetry.live_first().await.unwrap(),
        "the hub does not know the epoch yet"
    );
    assert_eq!(telemetry.now().await.unwrap().epoch, 1);
    telemetry.acked(1, 8).await.unwrap();

    assert!(telemetry.live_first().await.unwrap());

    close_each(&telemetry, &bench, 20..21).await;
    assert_eq!(next(&telemetry, Part::Live).await, Some((2, 1, 1)));
    assert_eq!(next(&telemetry, Part::Backlog).await, Some((1, 9, 16)));
    telemetry.acked(1, 16).await.unwrap();
    // The file is opened again, and another epoch waits.
    bench.close(telemetry);
    let telemetry = bench.open(Limits::default());
    telemetry.acked(2, 1).await.unwrap();
    close_each(&telemetry, &bench, 21..31).await;
    assert!(telemetry.live_first().await.unwrap());
    assert_eq!(next(&telemetry, Part::Live).await, None);
    assert_eq!(next(&telemetry, Part::Backlog).await, Some((1, 17, 20)));
    telemetry.acked(1, 20).await.unwrap();
    assert_eq!(next(&telemetry, Part::Backlog).await, Some((2, 2, 9)));
    assert!(telemetry.now().await.unwrap().has_backlog);
    telemetry.acked(2, 11).await.unwrap();
    assert_eq!(next(&telemetry, Part::Backlog).await, None);
    assert!(!telemetry.now().await.unwrap().has_backlog);
}

#[tokio::test]
async fn what_waits_of_an_epoch_that_the_hub_does_not_know_goes_on_in_the_newest() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    close_each(&telemetry, &bench, 0..12).await;
    telemetry.acked(1, 1).await.unwrap();
    assert!(telemetry.live_first().await.unwrap());
    close_each(&telemetry, &bench, 12..13).await;

    telemetry.move_to_newest(1).await.unwrap();

    assert_eq!(next(&telemetry, Part::Backlog).await, None);
    let values = delivered_values(&telemetry).await;
    assert_eq!((values.len(), values[0], values[1]), (12, 12.0, 1.0));
}

#[tokio::test]
async fn one_batch_has_no_more_than_the_hub_takes() {
    let bench = Bench::new();
    let telemetry = bench.open(Limits::default());
    close_each(&telemetry, &bench, 0..20).await;
    assert_eq!(next(&telemetry, Part::Live).await, Some((1, 1, 8)));
    let batch = telemetry.next_batch(Part::Live, 1).await.unwrap().unwrap();
    assert_eq!(batch.bodies.len(), 1, "one is always sent");

    // A thousand blocks are dropped, and two are left.
    let file = rusqlite::Connection::open(bench.folder.path().join("telemetry.db")).unwrap();
    file.execute_batch(
        "update block set block = 1000 + block; delete from block where block < 1019;
         update epoch set last_block = 1020;",
    )
    .unwrap();
    let blocks = delivered(&telemetry).await;
    assert_eq!(blocks.len(), 1_020);
    assert_eq!(blocks[1_018].value, [18.0]);
    let batches = blocks.chunks(256).take(3).flatten();
    assert!(batches.into_iter().all(|block| block.value.is_empty()));
}
