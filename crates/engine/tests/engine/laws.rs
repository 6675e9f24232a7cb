//! Three laws for every plan: each step twice, each step failing, the process dying after each record.

use std::time::Duration;

use c8dr_domain::effect::ZeebeEffect;
use c8dr_domain::plan::StepId;
use c8dr_domain::run::{Outcome, Stop};
use c8dr_engine::drive::Finish;

use crate::cluster::{LONDON, PARIS, Spoil};
use crate::stage::{At, Death, Stage, stopped, verified};

/// At the end of all: removed once, disabled, nothing forced again after that.
#[track_caller]
fn done_once(stage: &Stage) {
    let (forces, disables, repeated) = stage.cluster.effects();
    assert_eq!(
        (forces, repeated),
        (1, 0),
        "forces, and forces of what was removed already: {:#?}",
        stage.cluster.sent()
    );
    assert!(disables >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_failover_goes_through_with_one_request_each() {
    for lost in [LONDON, PARIS] {
        let stage = Stage::without(lost);
        let plan = stage.plan().await;
        let began = stage.clock.now();
        verified(&stage.begin(plan, Death::Never).await.unwrap());
        done_once(&stage);
        let sent = stage.cluster.sent();
        assert_eq!(sent.len(), 2, "{sent:#?}");
        assert!(matches!(sent[0].effect, ZeebeEffect::ForceRemove { .. }));
        assert!(matches!(sent[1].effect, ZeebeEffect::DisableExporter { .. }));
        assert_eq!(stage.cluster.rehearsals(), 1);
        let run = stage.recorded();
        assert_eq!(run.word(), "verified");
        assert!(
            run.steps
                .values()
                .all(|step| step.outcome() == Some(Outcome::Verified))
        );
        // Three seconds of looking, five of force and election, and what readings cost on top.
        let took = stage.clock.now().since(began);
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_twice_sends_nothing_the_second_time() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    verified(&stage.begin(plan.clone(), Death::Never).await.unwrap());
    let before = stage.cluster.sent().len();
    // The same plan once more, in a run of its own.
    let (finish, run) = stage.carry_out(plan).await;
    verified(&finish);
    assert!(
        run.steps
            .values()
            .all(|step| step.outcome() == Some(Outcome::Already)),
        "{:#?}",
        run.steps
    );
    // And a fresh plan owes nothing.
    let fresh = stage.plan().await;
    assert!(fresh.steps.is_empty());
    verified(&stage.carry_out(fresh).await.0);
    assert_eq!(stage.cluster.sent().len(), before);
    done_once(&stage);
}

/// Each way in which a request can come out, at the first, second and third attempt of each step.
#[tokio::test(start_paused = true)]
async fn each_step_failing_in_each_way_at_each_attempt() {
    let passing = [
        Spoil::ConflictOurs,
        Spoil::ConflictNone,
        Spoil::NotSent,
        Spoil::UnknownWithEffect,
        Spoil::UnknownLate(8),
        Spoil::UnknownWithoutEffect,
    ];
    for lost in [LONDON, PARIS] {
        for step in [0, 1] {
            for spoil in passing {
                for times in 1..=3 {
                    // What arrived is not sent again, so these spoil one attempt only.
                    let arrives = matches!(
                        spoil,
                        Spoil::ConflictOurs | Spoil::UnknownWithEffect | Spoil::UnknownLate(_)
                    );
                    if arrives && times > 1 {
                        continue;
                    }
                    let stage = Stage::without(lost);
                    let plan = stage.plan().await;
                    stage.cluster.spoil(&vec![Spoil::Well; step]);
                    stage.cluster.spoil(&vec![spoil; times]);
                    let finish = stage.begin(plan, Death::Never).await.unwrap();
                    assert!(
                        matches!(finish, Finish::Verified { .. }),
                        "{lost} {step} {spoil:?} {times}: {finish:#?}"
                    );
                    done_once(&stage);
                    let expected = 2 + if arrives { 0 } else { times };
                    assert_eq!(stage.cluster.sent().len(), expected, "{lost} {step} {spoil:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_refused_stops_and_can_be_resumed() {
    for step in [0, 1] {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        stage.cluster.spoil(&vec![Spoil::Well; step]);
        stage.cluster.spoil(&[Spoil::Refused]);
        let finish = stage.begin(plan, Death::Never).await.unwrap();
        stopped(&finish, Stop::Refused, "The server refused with 400: no.");
        assert_eq!(stage.cluster.sent().len(), step + 1);
        verified(&stage.resume().await.unwrap());
        done_once(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_change_stops_each_step_and_is_waited_out_by_a_person() {
    for step in [0, 1] {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        stage.cluster.spoil(&vec![Spoil::Well; step]);
        stage.cluster.spoil(&[Spoil::ConflictForeign(60)]);
        let finish = stage.begin(plan, Death::Never).await.unwrap();
        stopped(&finish, Stop::Waiting, "is pending and is not ours");
        stage.clock.sleep(Duration::from_secs(60)).await;
        verified(&stage.resume().await.unwrap());
        done_once(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn five_requests_without_effect_are_enough() {
    for (spoil, stop, says) in [
        (
            Spoil::UnknownWithoutEffect,
            Stop::Unknown,
            "whether its last request had an effect is not known",
        ),
        (Spoil::NotSent, Stop::Waiting, "no request of it was taken"),
        (Spoil::ConflictNone, Stop::Waiting, "no request of it was taken"),
    ] {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        stage.cluster.spoil(&[spoil; 20]);
        let finish = stage.begin(plan, Death::Never).await.unwrap();
        stopped(&finish, stop, says);
        assert_eq!(stage.cluster.sent().len(), 5, "{spoil:?}");
        assert_eq!(stage.cluster.effects(), (0, 0, 0));
        let run = stage.recorded();
        assert!(run.stopped.is_some() && !run.has_ended());
    }
}

/// Death after each record, and before each: an intent that never went out, and an answer that was never written.
#[tokio::test(start_paused = true)]
async fn the_process_dying_at_each_record_ends_the_same() {
    let spoils: [&[Spoil]; 3] = [&[], &[Spoil::UnknownWithEffect], &[Spoil::UnknownWithoutEffect]];
    for (lost, spoils) in [(PARIS, &spoils[..]), (LONDON, &spoils[1..2])] {
        for spoil in spoils {
            for death in (1..60).flat_map(|record| [Death::Before(record), Death::After(record)]) {
                let stage = Stage::without(lost);
                let plan = stage.plan().await;
                stage.cluster.spoil(spoil);
                let first = stage.begin(plan, death).await;
                if first.is_ok() {
                    break;
                }
                if death == Death::Before(1) {
                    // Not even the plan was durable: nothing was done, and there is nothing to resume.
                    assert!(stage.resume().await.is_err());
                    assert!(stage.cluster.sent().is_empty());
                    continue;
                }
                let ended = stage.recorded().has_ended();
                match stage.resume().await {
                    Ok(finish) => verified(&finish),
                    Err(error) => assert!(ended, "{death:?}: {error}"),
                }
                done_once(&stage);
                assert_eq!(stage.recorded().word(), "verified", "{death:?}");
            }
        }
    }
}

/// Death twice: once in the run, once more in what was resumed.
#[tokio::test(start_paused = true)]
async fn dying_again_while_resuming_ends_the_same() {
    for first in (2..14).step_by(2) {
        for second in 1..6 {
            let stage = Stage::without(PARIS);
            let plan = stage.plan().await;
            if stage.begin(plan, Death::Before(first)).await.is_ok() {
                continue;
            }
            if stage.resume_mortal(Death::Before(second)).await.is_err() {
                verified(&stage.resume().await.unwrap());
            }
            done_once(&stage);
            assert_eq!(stage.recorded().word(), "verified", "{first} {second}");
        }
    }
}

/// Death at any time, in the middle of whatever is awaited: a request in the air, a look, a pause.
#[tokio::test(start_paused = true)]
async fn the_process_killed_at_any_moment_ends_the_same() {
    for step in 0..40 {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        let life = Duration::from_millis(3 + step * 271);
        if stage
            .clock
            .timeout(life, stage.begin(plan, Death::Never))
            .await
            .is_ok()
        {
            done_once(&stage);
            continue;
        }
        verified(&stage.resume().await.unwrap());
        done_once(&stage);
        assert_eq!(stage.recorded().word(), "verified", "{life:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_at_each_event_leaves_a_run_that_can_be_resumed() {
    let told = {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        let counter = At::new(usize::MAX, || {});
        verified(&stage.begin_told(plan, Death::Never, &counter).await.unwrap());
        counter.count()
    };
    assert!(told > 50, "{told}");
    let mut interrupted = 0;
    for at in (0..told).step_by(3) {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        let canceller = stage.canceller.clone();
        let cancel = At::new(at, move || canceller.cancel());
        let finish = stage.begin_told(plan, Death::Never, &cancel).await.unwrap();
        if matches!(finish, Finish::Verified { .. }) {
            continue;
        }
        interrupted += 1;
        stopped(&finish, Stop::Interrupted, "Stopped as asked");
        assert_eq!(stage.recorded().word(), "interrupted");
        let again = Stage {
            canceller: Default::default(),
            ..stage
        };
        verified(&again.resume().await.unwrap());
        done_once(&again);
    }
    assert!(interrupted > 20, "{interrupted} of {told}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_stops_before_the_effect_goes_out() {
    // Whatever the record: a request that went out had its intent written before.
    for record in 1..30 {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        let steps: Vec<StepId> = plan.steps.iter().map(|step| step.id).collect();
        let _ = stage.begin(plan, Death::Before(record)).await;
        let sent = stage.cluster.sent().len();
        let intended = if record == 1 {
            0
        } else {
            let run = stage.recorded();
            steps.iter().map(|step| run.steps[step].attempts.len()).sum()
        };
        assert_eq!(sent, intended, "dying before record {record}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_verified_run_is_not_resumed() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    assert!(matches!(
        plan.steps[0].effect.zeebe(),
        Some(ZeebeEffect::ForceRemove { .. })
    ));
    verified(&stage.begin(plan, Death::Never).await.unwrap());
    let error = stage.resume().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "run a-run has ended; there is nothing to resume"
    );
}
