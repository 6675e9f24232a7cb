//! What keeps a request from going out, and what keeps a driver from going on for ever.

use std::time::Duration;

use c8dr_domain::diagnose::Code;
use c8dr_domain::plan::StepId;
use c8dr_domain::run::Stop;
use c8dr_engine::drive::Finish;

use crate::cluster::{LONDON, PARIS, Rehearsal, Spoil};
use crate::stage::{At, Death, Stage, bytes, stopped, verified};

#[tokio::test(start_paused = true)]
async fn a_lost_broker_that_answers_again_before_the_force_is_a_persons_matter() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    stage.cluster.answers_again(3);
    let finish = stage.begin(plan, Death::Never).await.unwrap();
    stopped(
        &finish,
        Stop::Waiting,
        "Broker 3 of region paris answers at its own endpoint. FO1 was not begun.",
    );
    assert!(stage.cluster.sent().is_empty());
    assert_eq!(stage.cluster.rehearsals(), 0);
    stage.cluster.falls_silent_again();
    verified(&stage.resume().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_that_would_do_something_else_sends_nothing() {
    for (rehearsal, says) in [
        (
            Rehearsal::Other,
            "it removes brokers 0, 1 and 3, the plan brokers 1 and 3.",
        ),
        (Rehearsal::More, "it contains BROKER_ADD."),
        (Rehearsal::Refused, "was refused with 400: no such broker"),
    ] {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        stage.cluster.rehearse(rehearsal);
        let finish = stage.begin(plan, Death::Never).await.unwrap();
        stopped(&finish, Stop::Refused, says);
        assert!(stage.cluster.sent().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_that_never_comes_through_is_given_up_and_not_hammered() {
    for rehearsal in [Rehearsal::Unknown, Rehearsal::Conflict] {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        stage.cluster.rehearse(rehearsal);
        let began = stage.clock.now();
        let finish = stage.begin(plan, Death::Never).await.unwrap();
        stopped(
            &finish,
            Stop::Waiting,
            "FO1 does not come through; no request of it was taken.",
        );
        assert!(stage.cluster.sent().is_empty());
        let took = stage.clock.now().since(began);
        assert!(took < Duration::from_secs(200), "{took:?}");
        // Two gateways, at most two rounds a second.
        assert!(
            stage.cluster.rehearsals() < 800,
            "{} rehearsals",
            stage.cluster.rehearsals()
        );
        stage.cluster.rehearse(Rehearsal::Well);
        verified(&stage.resume().await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_rehearsal_is_followed_by_a_fresh_look_and_not_by_another_rehearsal() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    stage.cluster.rehearse(Rehearsal::Slow);
    verified(&stage.begin(plan, Death::Never).await.unwrap());
    assert_eq!(stage.cluster.rehearsals(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_pending_while_the_coordinator_is_lost_names_both_ways_out() {
    let stage = Stage::without(LONDON);
    let plan = stage.plan().await;
    stage.cluster.blocked();
    let finish = stage.begin(plan, Death::Never).await.unwrap();
    stopped(&finish, Stop::Waiting, "refused with 409");
    let Finish::Stopped {
        diagnosis: Some(diagnosis),
        ..
    } = finish
    else {
        panic!("no diagnosis: {finish:#?}");
    };
    assert_eq!(diagnosis.code, Code::CoordinatorLost);
    assert!(diagnosis.next[0].contains("with its old data"), "{diagnosis:#?}");
    assert!(
        diagnosis.next[1].contains("empty broker with node id 0"),
        "{diagnosis:#?}"
    );
    assert!(stage.cluster.sent().is_empty());
    // Once it is cancelled, the same run goes on.
    stage.cluster.cancel_pending();
    verified(&stage.resume().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_slow_coordinator_of_the_survivors_is_not_called_lost() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    stage.cluster.configuration_hangs_for(1_000);
    let finish = stage.begin(plan, Death::Never).await.unwrap();
    stopped(&finish, Stop::Waiting, "The configuration cannot be read");
    assert!(stage.cluster.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_again_before_eleven_seconds_and_two_clean_readings() {
    for lost in [LONDON, PARIS] {
        for step in [0, 1] {
            let stage = Stage::without(lost);
            let plan = stage.plan().await;
            stage.cluster.spoil(&vec![Spoil::Well; step]);
            stage.cluster.spoil(&[Spoil::UnknownWithoutEffect]);
            verified(&stage.begin(plan, Death::Never).await.unwrap());
            let sent = stage.cluster.sent();
            let again = sent[step + 1].at.since(sent[step].at);
            assert!(
                again >= Duration::from_secs(11),
                "lost {lost}, step {step}: {again:?}"
            );
            assert!(
                again < Duration::from_secs(15),
                "lost {lost}, step {step}: {again:?}"
            );
            assert_ne!(
                sent[step].gateway,
                sent[step + 1].gateway,
                "the next gateway is tried"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_cannot_tell_is_no_clean_one() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    stage.cluster.spoil(&[Spoil::Well, Spoil::UnknownWithoutEffect]);
    // The configuration hangs from the lost request on, for half a minute.
    let cluster = &stage.cluster;
    let watch = async {
        while cluster.sent().len() < 2 {
            stage.clock.sleep(Duration::from_millis(1)).await;
        }
        cluster.configuration_hangs_for(30);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        finish = stage.begin(plan, Death::Never) => verified(&finish.unwrap()),
        () = watch => {}
    }
    let sent = cluster.sent();
    assert!(
        sent[2].at.since(sent[1].at) > Duration::from_secs(30),
        "{sent:#?}"
    );
    // Two gateways each: two clean readings, and the one that it acted upon.
    assert!(sent[2].readings - sent[1].readings >= 6, "{sent:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_never_ends_fails_its_deadline_and_is_not_repeated() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    stage.cluster.spoil(&[Spoil::Stuck]);
    let began = stage.clock.now();
    let finish = stage.begin(plan, Death::Never).await.unwrap();
    stopped(
        &finish,
        Stop::VerificationFailed,
        "Not proven within 180 s: 0 of 6 operations of change 2 done, waiting for broker 0.",
    );
    assert!(stage.clock.now().since(began) < Duration::from_secs(190));
    let again = stage.resume().await.unwrap();
    stopped(&again, Stop::VerificationFailed, "Not proven within 180 s");
    assert_eq!(stage.cluster.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_change_that_never_ends_fails_its_deadline_too() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    // The answer is lost, the change is there and stuck.
    stage.cluster.spoil(&[Spoil::Stuck]);
    let died = stage.begin(plan, Death::Before(5)).await;
    assert!(died.is_err());
    assert_eq!(stage.cluster.sent().len(), 1);
    let began = stage.clock.now();
    stopped(
        &stage.resume().await.unwrap(),
        Stop::VerificationFailed,
        "Not proven within 180 s",
    );
    assert!(stage.clock.now().since(began) < Duration::from_secs(190));
    assert_eq!(stage.cluster.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_awaited_though_gateways_do_not_show_it_yet() {
    // Found by its records: the process dies when the disable is accepted, whatever number that record has.
    let mut tried = 0;
    for record in 2..20 {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        if stage.begin(plan, Death::After(record)).await.is_ok() {
            break;
        }
        let run = stage.recorded();
        let accepted = run
            .steps
            .get(&StepId::Fo2)
            .is_some_and(|step| step.known.change.is_some());
        if !accepted || run.steps[&StepId::Fo2].outcome().is_some() {
            continue;
        }
        tried += 1;
        stage.cluster.configuration_lags_for(20);
        verified(&stage.resume().await.unwrap());
        assert_eq!(stage.cluster.sent().len(), 2, "{:#?}", stage.cluster.sent());
    }
    assert_eq!(tried, 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_somebody_cancelled_stops_the_run_and_is_sent_again_when_resumed() {
    for step in [0, 1] {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        stage.cluster.spoil(&vec![Spoil::Well; step]);
        stage.cluster.spoil(&[Spoil::Cancelled]);
        let finish = stage.begin(plan, Death::Never).await.unwrap();
        stopped(&finish, Stop::VerificationFailed, "ended as CANCELLED");
        assert_eq!(stage.cluster.sent().len(), step + 1);
        verified(&stage.resume().await.unwrap());
        assert_eq!(stage.cluster.effects(), (1, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_during_the_rehearsal_keeps_the_force_from_going_out() {
    let stage = Stage::without(PARIS);
    let plan = stage.plan().await;
    stage.cluster.rehearse(Rehearsal::Slow);
    let canceller = stage.canceller.clone();
    let cluster = &stage.cluster;
    let cancel = async {
        while cluster.rehearsals() == 0 {
            stage.clock.sleep(Duration::from_millis(1)).await;
        }
        canceller.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        finish = stage.begin(plan, Death::Never) => stopped(&finish.unwrap(), Stop::Interrupted, "No request is in the air"),
        () = cancel => {}
    }
    assert!(cluster.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_journal() {
    let journal = || async {
        let stage = Stage::without(PARIS);
        let plan = stage.plan().await;
        stage.cluster.spoil(&[Spoil::UnknownWithoutEffect]);
        let quiet = At::new(usize::MAX, || {});
        verified(&stage.begin_told(plan, Death::Never, &quiet).await.unwrap());
        bytes(&stage.directory().join("journal.jsonl"))
    };
    assert_eq!(journal().await, journal().await);
}
