//! Workers that break are replaced; the others go on.

mod support;

use std::num::NonZeroUsize;
use std::sync::mpsc::channel;
use std::time::Duration;

use tokio::sync::mpsc;
use wasyncio_host::{
    Control, Error, Host, Outcome, Program, Runner, ServiceEvent, WorkerEndKind, WorkerState, WorkerStatus, Workers,
    WorkersHandle, WorkersStatus,
};

use support::socket02::socket02;
use support::{ENDLESS, component};

fn program(host: &Host, body: &str) -> Program {
    host.load("program", component(body)).expect("it is a program")
}

fn workers(program: &Program, count: usize) -> Workers {
    Workers::new(program, NonZeroUsize::new(count).expect("not zero"), Runner::new)
}

#[tokio::test]
async fn programs_that_end_by_themselves_are_not_replaced() {
    let host = Host::builder().build().unwrap();
    let (_send, control) = mpsc::channel(1);
    let outcome = workers(&program(&host, "i32.const 0"), 3).run(control).await.unwrap();
    assert!(matches!(outcome, Outcome::Ended(status) if status.success()));
}

#[tokio::test]
async fn without_restarts_a_failure_is_the_result_once_all_have_ended() {
    let host = Host::builder().build().unwrap();
    let (_send, control) = mpsc::channel(1);
    let outcome = workers(&program(&host, "i32.const 1"), 3).max_restarts(0).run(control).await.unwrap();
    assert!(matches!(outcome, Outcome::Ended(status) if status.code() == 1));
    let (_send, control) = mpsc::channel(1);
    let error = workers(&program(&host, "unreachable"), 3).max_restarts(0).run(control).await.unwrap_err();
    assert!(matches!(error, Error::Trap { .. }), "{error}");
}

#[tokio::test]
async fn more_workers_than_there_can_be_are_refused() {
    let host = Host::builder().build().unwrap();
    let (_send, control) = mpsc::channel(1);
    let error = workers(&program(&host, "i32.const 0"), 100_000).run(control).await.unwrap_err();
    assert_eq!(error.to_string(), "100000 workers are too many: there can be 1024");
}

#[tokio::test]
async fn a_panic_in_a_worker_is_told_and_answered_and_its_thread_is_used_again() {
    let host = Host::builder().build().unwrap();
    let program = socket02(&host, "udp", "(i32.const 0)");
    let (told, failures) = channel();
    let (_send, control) = mpsc::channel(1);
    let panics = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let workers = Workers::new(&program, NonZeroUsize::MIN, move |program| {
        let panics = std::sync::Arc::clone(&panics);
        Runner::new(program).on_denied(move |denial| {
            // The second replacement ends well.
            if panics.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
                panic!("a test that panics about {denial}");
            }
        })
    });
    let workers = workers.on_event(move |event| told.send(format!("{event:?}")).expect("the test listens"));
    let outcome = tokio::time::timeout(Duration::from_secs(30), workers.run(control)).await.expect("it does not hang");
    assert!(matches!(outcome, Ok(Outcome::Ended(status)) if status.success()), "{outcome:?}");
    let failures: Vec<_> = failures.iter().filter(|event| event.starts_with("WorkerFailed")).collect();
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(
        failures[0].contains("Panic") && failures[0].contains("a test that panics about a UDP socket"),
        "{failures:?}"
    );
}

#[tokio::test]
async fn a_trapped_worker_is_replaced_with_growing_delays() {
    let host = Host::builder().build().unwrap();
    let (told, failures) = channel();
    let (send, control) = mpsc::channel(1);
    let stop = std::sync::Mutex::new(Some(send));
    let workers = workers(&program(&host, "unreachable"), 1).on_event(move |event| {
        let ServiceEvent::WorkerFailed { worker, error, restart: Some(delay) } = event else { return };
        assert!(matches!(error, Error::Trap { .. }), "{error}");
        told.send((*worker, *delay)).expect("the test listens");
        if *delay >= Duration::from_millis(400)
            && let Some(send) = stop.lock().unwrap().take()
        {
            send.try_send(Control::Stop).expect("the only one");
        }
    });
    let outcome = workers.run(control).await.unwrap();
    assert_eq!(outcome, Outcome::Stopped { cut_connections: 0 });
    let delays: Vec<_> = failures.iter().map(|(worker, delay)| (worker, delay.as_millis())).collect();
    assert_eq!(delays, [(0, 100), (0, 200), (0, 400)]);
}

#[tokio::test]
async fn endless_loops_on_all_threads_are_stopped() {
    let host = Host::builder().build().unwrap();
    let (send, control) = mpsc::channel(1);
    send.send(Control::Stop).await.unwrap();
    let outcome = workers(&program(&host, ENDLESS), 2).run(control).await.unwrap();
    assert_eq!(outcome, Outcome::Stopped { cut_connections: 0 });
}

#[tokio::test]
async fn a_program_that_is_loaded_again_replaces_the_old_one() {
    let host = Host::builder().build().unwrap();
    let (send, control) = mpsc::channel(1);
    send.send(Control::Reload(program(&host, "i32.const 0"))).await.unwrap();
    let outcome = workers(&program(&host, ENDLESS), 2).run(control).await.unwrap();
    assert!(matches!(outcome, Outcome::Ended(status) if status.success()));
}

#[tokio::test]
async fn a_program_that_does_not_start_leaves_the_old_one_at_work() {
    let host = Host::builder().build().unwrap();
    let (send, control) = mpsc::channel(1);
    let (told, events) = channel();
    let configure = |program: &Program| {
        let policy = wasyncio_host::Policy::new().allow_directory("no/such".parse().unwrap());
        Runner::new(program).policy(policy)
    };
    let next = program(&host, "i32.const 0");
    send.send(Control::ReloadWith(next, std::sync::Arc::new(configure))).await.unwrap();
    let stop = std::sync::Mutex::new(Some(send));
    let workers = workers(&program(&host, ENDLESS), 2).on_event(move |event| {
        told.send(format!("{event:?}")).expect("the test listens");
        if matches!(event, ServiceEvent::ReloadFailed { .. })
            && let Some(send) = stop.lock().unwrap().take()
        {
            send.try_send(Control::Stop).expect("the only one");
        }
    });
    let status = workers.status();
    let outcome = workers.run(control).await.unwrap();
    assert_eq!(outcome, Outcome::Stopped { cut_connections: 0 });
    assert_eq!(events.iter().filter(|event| event.starts_with("ReloadFailed")).count(), 1);
    assert_eq!((status.borrow().reloads, status.borrow().restarts), (0, 0));
}

/// Waits until the workers are as `expected` says.
async fn status(workers: &WorkersHandle, expected: impl Fn(&WorkersStatus) -> bool) -> WorkersStatus {
    let looks = async {
        loop {
            let status = workers.status();
            if expected(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), looks).await;
    found.unwrap_or_else(|_| panic!("they are {:#?}", workers.status()))
}

#[tokio::test]
async fn the_status_tells_of_each_worker_how_it_is_and_how_it_ended() {
    let host = Host::builder().build().unwrap();
    let is_ready = |worker: &WorkerStatus| worker.state == WorkerState::Ready;
    let handle = workers(&program(&host, ENDLESS), 2).start();
    let now = status(&handle, |status| status.service.running == 2 && status.workers.iter().all(is_ready)).await;
    assert_eq!((now.generation, now.workers.len(), now.service.running), (1, 2, 2));
    let first = &now.workers[1];
    assert_eq!((first.number, first.generation, first.restarts, first.open_connections), (1, 1, 0, 0));
    assert_eq!(first.last_end, None);

    handle.stop().await;
    let outcome = handle.wait().await.unwrap();
    let ended = handle.status();
    assert!(matches!(ended.outcome, Some(Ok(ref told)) if *told == outcome), "{ended:?}");
    assert!(ended.service.stopping && ended.workers.iter().all(|worker| worker.state == WorkerState::Ended));
    let end = ended.workers[0].last_end.as_ref().expect("it has ended");
    assert_eq!((end.kind, end.message.as_deref()), (WorkerEndKind::Stopped, None));
}

#[tokio::test]
async fn the_status_tells_of_a_failure_and_when_the_worker_is_replaced() {
    let host = Host::builder().build().unwrap();
    let handle = workers(&program(&host, "unreachable"), 1).start();
    let now = status(&handle, |status| {
        let is_due = |worker: &WorkerStatus| matches!(worker.state, WorkerState::Failed { .. });
        status.workers.iter().any(|worker| worker.restarts == 2 && is_due(worker))
    });
    let now = now.await;
    let worker = &now.workers[0];
    let WorkerState::Failed { restart } = worker.state else { unreachable!("it was looked for") };
    assert!(restart <= Duration::from_millis(400), "{restart:?}");
    let end = worker.last_end.as_ref().expect("it has ended");
    assert_eq!((end.kind.name(), now.service.restarts), ("trap", 2));
    assert!(end.message.as_ref().is_some_and(|message| message.contains("trapped")), "{end:?}");
    handle.stop().await;
    handle.wait().await.unwrap();
}
