//! `status`: what runs, and whether it is healthy.

use std::process::ExitCode;

use mall_testkit::mall::{InstanceView, SERVICES};
use serde_json::{Value, json};

use crate::home::Home;
use crate::screen::{print, table};
use crate::state::{Phase, State};
use crate::supervisor::look_again;

pub fn run(as_json: bool) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let state = home.supervisor().and_then(|_| home.state()).map(refreshed);
    let healthy = state.as_ref().is_some_and(is_healthy);
    let text = if as_json {
        format!("{:#}\n", to_json(state.as_ref(), healthy))
    } else {
        to_text(&home, state.as_ref(), healthy)
    };
    print(&text)?;
    Ok(if as_json || healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn refreshed(mut state: State) -> State {
    state.services = std::thread::scope(|scope| {
        let views: Vec<_> = state
            .services
            .iter()
            .map(|view| scope.spawn(|| look_again(view)))
            .collect();
        views
            .into_iter()
            .filter_map(|view| view.join().ok())
            .collect()
    });
    state
}

fn is_healthy(state: &State) -> bool {
    state.phase == Phase::Running
        && state.services.len() >= SERVICES.len()
        && state.services.iter().all(|view| view.state == "UP")
}

/// Always the same keys; without a running mall the values are null.
fn to_json(state: Option<&State>, healthy: bool) -> Value {
    let text = |pick: fn(&State) -> &String| state.map(pick).filter(|text| !text.is_empty());
    json!({
        "healthy": healthy,
        "gateway": text(|state| &state.gateway),
        "registry": text(|state| &state.registry),
        "config_server": text(|state| &state.config_server),
        "redis": text(|state| &state.redis),
        "mysql": text(|state| &state.mysql),
        "mail": state.map(|state| &state.mail),
        "admin": state.map(|state| json!({"email": state.admin.email, "password": state.admin.password})),
        "services": state.map(|state| state.services.iter().map(service).collect::<Vec<_>>()).unwrap_or_default(),
    })
}

fn service(view: &InstanceView) -> Value {
    json!({"name": view.name, "pid": view.pid, "url": view.url, "state": view.state, "rss_bytes": view.rss_bytes})
}

fn to_text(home: &Home, state: Option<&State>, healthy: bool) -> String {
    let Some(state) = state else {
        return match (home.supervisor(), home.preparing()) {
            (Some(pid), _) => format!("the mall is starting or stopping (supervisor {pid})\n"),
            (None, Some(pid)) => format!("the mall is being built (process {pid})\n"),
            (None, None) => "no mall is running\n".to_owned(),
        };
    };
    let headline = match state.phase {
        Phase::Starting => "the mall is starting",
        Phase::Stopping => "the mall is stopping",
        Phase::Running if healthy => "the mall is healthy",
        Phase::Running => "the mall runs, but not all of it is healthy",
    };
    if state.services.is_empty() {
        return format!("{headline} (supervisor {})\n", state.supervisor);
    }
    let State {
        gateway,
        admin,
        mail,
        ..
    } = state;
    let (email, password, mail) = (&admin.email, &admin.password, mail.display());
    format!(
        "{headline} (supervisor {})\n\n{}\ngateway  {gateway}\nadmin    {email} / {password}\nmails    {mail}/*.eml\n",
        state.supervisor,
        table(&state.services)
    )
}

#[cfg(test)]
mod tests {
    use mall_testkit::mall::Admin;

    use super::*;

    fn keys(value: &Value) -> Vec<&str> {
        value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    }

    const KEYS: [&str; 9] = [
        "healthy",
        "gateway",
        "registry",
        "config_server",
        "redis",
        "mysql",
        "mail",
        "admin",
        "services",
    ];

    #[test]
    fn the_keys_are_the_same_whether_it_runs_or_not() {
        assert_eq!(keys(&to_json(None, false)), KEYS);
        let mut state = State::starting(
            "/x/.mall/mail".into(),
            Admin {
                email: "a@b".into(),
                password: "p".into(),
            },
        );
        state.services.push(InstanceView {
            name: "users".into(),
            pid: Some(1),
            url: "http://127.0.0.1:1".into(),
            state: "UP".into(),
            rss_bytes: Some(2),
            start_millis: Some(3),
            restarts: 0,
        });
        let json = to_json(Some(&state), false);
        assert_eq!(keys(&json), KEYS);
        assert_eq!(keys(&json["admin"]), ["email", "password"]);
        assert_eq!(
            keys(&json["services"][0]),
            ["name", "pid", "url", "state", "rss_bytes"]
        );
        assert_eq!(json["gateway"], Value::Null);
        assert!(!is_healthy(&state));
    }
}
