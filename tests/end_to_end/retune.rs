//! A model whose base model retires gets a successor: planned by a person, bought like any run.

use shared::{id::DatasetName, run::Run};
use system_tests::{
    faults::chain::{MODEL, TestChain, setup},
    person::said,
};

use crate::PROGRAM;

/// Runs `lapidary retune` with more arguments; gives whether it succeeded, and what it prints.
async fn retune(chain: &TestChain, more: &[&str]) -> (bool, String) {
    let arguments = [&["retune", MODEL, "--by", "ada"], more].concat();
    said(chain.harness.command(PROGRAM, &arguments).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_successor_of_a_model_is_tuned_on_the_same_version_and_evaluated() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let upload = chain.upload().await;
    let before = chain.ends_once(&upload).await.run;
    let (done, said) = retune(&chain, &[]).await;
    assert!(
        !done && said.contains("no model of the price list outlives"),
        "{said}"
    );

    let named = [
        "--base-model",
        "gemini-3.5-flash",
        "--why",
        "it lasts longer",
    ];
    let (done, said) = retune(&chain, &named).await;
    assert!(done && said.contains("is to follow"), "{said}");
    let (done, again) = retune(&chain, &named).await;
    assert!(
        done && again.contains("is to follow"),
        "planned once: {again}"
    );

    let harness = &chain.harness;
    let follows = |run: &Run| run.retunes.as_ref() == Some(&before.id);
    let ended = |run: &Run| follows(run) && run.finish_published;
    let id = harness
        .runs()
        .await
        .into_iter()
        .find(follows)
        .map(|run| run.id);
    let id = id.unwrap_or_else(|| panic!("no run follows {}", before.id));
    let successor: Run = system_tests::wait::until("the successor's end", harness, async || {
        let runs = harness.runs().await.into_iter();
        runs.clone()
            .find(|run| ended(run))
            .ok_or_else(|| format!("{:?}", runs.last()))
    })
    .await;
    assert_eq!(successor.id, id);
    assert_eq!(successor.version, before.version);
    assert_eq!(successor.plan.base_model, "gemini-3.5-flash");
    assert_eq!(successor.model, MODEL.parse::<DatasetName>().unwrap());
    assert_eq!(harness.runs().await.len(), 2, "planned once");
    assert_eq!(harness.jobs().await.len(), 2, "bought once");
    let asked = successor.history.iter().find(|entry| entry.by == "ada");
    assert!(
        asked.unwrap().note.contains("it lasts longer"),
        "{:#?}",
        successor.history
    );
    let _decision = harness.decision(&successor.id).await;
}
