//! The process that holds a running mall: starts it, starts crashed parts again, and stops it in order.
//!
//! Everything it starts dies with it, so that killing it leaves nothing behind.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mall_testkit::mall::{Event, InstanceView, Mall, Plan};
use mall_testkit::server::Activity;
use mall_testkit::timestamp;
use mall_testkit::unix::StopSignals;

use crate::home::Home;
use crate::state::{Message, Order, Phase, State};

pub fn run(order: &str) -> anyhow::Result<ExitCode> {
    let signals = StopSignals::hold_back()?;
    let order: Order = serde_json::from_str(order)?;
    let home = Home::find()?;
    let held = match home.hold_for_supervisor() {
        Ok(held) => held,
        Err(error) => {
            tell(&Message::Failed(format!("{error:#}")));
            return Ok(ExitCode::FAILURE);
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    stop_when_told(signals, order.attached, &stop)?;

    let mut plan = Plan::new(&home.root, &home.folder, &order.programs);
    plan.gateway_port = Some(order.gateway_port);
    plan.instances = order.instances;
    plan.demo_data = order.demo_data;
    plan.cancelled = Arc::clone(&stop);
    home.write_state(&State::starting(plan.mail_folder(), plan.admin.clone()))?;

    let mall = match Mall::start(plan, &tell_event) {
        Ok(mall) => mall,
        Err(error) => {
            home.remove_state();
            let cancelled = stop.load(Ordering::Relaxed);
            tell(&if cancelled {
                Message::Stopped
            } else {
                Message::Failed(format!("{error:#}"))
            });
            return Ok(ExitCode::FAILURE);
        }
    };
    let state = State::of(&mall, Phase::Running, mall.view());
    home.write_state(&state)?;
    tell(&Message::Ready(Box::new(state)));

    hold(&mall, &home, &stop)?;

    home.write_state(&State::of(&mall, Phase::Stopping, mall.view()))?;
    mall.stop(&tell_event);
    drop(mall);
    home.remove_state();
    drop(held);
    tell(&Message::Stopped);
    Ok(ExitCode::SUCCESS)
}

/// Until somebody wants the end.
fn hold(mall: &Mall, home: &Home, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut last = changing(mall);
    while !stop.load(Ordering::Relaxed) {
        for text in mall.keep_up() {
            tell_event(Event::Notice { text });
        }
        let now = changing(mall);
        if now != last {
            home.write_state(&State::of(mall, Phase::Running, mall.view()))?;
            last = now;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// What the state file must follow: cheap to look at, unlike a view, which asks every service.
fn changing(mall: &Mall) -> Vec<(Option<u32>, Activity, u32, bool)> {
    mall.instances()
        .map(|server| {
            (
                server.pid(),
                server.activity(),
                server.restarts(),
                server.ready_after().is_some(),
            )
        })
        .collect()
}

fn stop_when_told(
    signals: StopSignals,
    attached: bool,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let told = Arc::clone(stop);
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            loop {
                signals.wait();
                told.store(true, Ordering::Relaxed);
            }
        })?;
    if attached {
        let told = Arc::clone(stop);
        std::thread::Builder::new()
            .name("owner".into())
            .spawn(move || {
                // Nothing is ever sent: this ends when the other end of the pipe does.
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
                told.store(true, Ordering::Relaxed);
            })?;
    }
    Ok(())
}

fn tell_event(event: Event) {
    if let Event::Notice { text } = &event {
        let _ = writeln!(
            std::io::stderr(),
            "{} {text}",
            timestamp::iso(timestamp::since_epoch())
        );
    }
    tell(&Message::Event(event));
}

/// The reader may have gone: a detached mall runs on without one.
fn tell(message: &Message) {
    if let Ok(line) = serde_json::to_string(message) {
        let mut out = std::io::stdout();
        let _ = out
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| out.flush());
    }
}

/// Brings a view up to date without the supervisor: by the process's memory and its own word about its health.
pub fn look_again(view: &InstanceView) -> InstanceView {
    let mut view = view.clone();
    let Some(pid) = view.pid else { return view };
    view.rss_bytes = mall_testkit::proc::resident_bytes(pid);
    let health = mall_testkit::http::get(
        &format!("{}/actuator/health", view.url),
        Duration::from_secs(2),
    );
    view.state = match health {
        Ok(reply) if reply.status == 200 => "UP".to_owned(),
        _ => "DOWN".to_owned(),
    };
    view
}
