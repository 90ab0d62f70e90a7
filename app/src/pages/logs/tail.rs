//! The rows of a page, and above them those that come in while one looks: by server-sent events, which honour
//! the filters of the page. A connection that has gone quiet is shown as stale and made anew, from the row
//! where it broke. Without JavaScript it is the plain list.

use std::{cell::RefCell, time::Duration};

use domain::report::RequestSummary;
use leptos::{
    prelude::*,
    serde_json,
    wasm_bindgen::{JsCast, closure::Closure},
    web_sys::{Event, EventSource, MessageEvent},
};

use crate::components::{icon::Icon, requests_table::RequestsTable};

/// The server sends a sign of life every ten seconds; so long without one is too long.
const STALE_AFTER_S: u32 = 25;
/// How often it is looked whether there was one.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Rows that are kept above the page.
const KEPT: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Off,
    Connecting,
    Live,
    Stale,
}

impl Line {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Off => ("Not following", "off"),
            Self::Connecting => ("Connecting…", "warn"),
            Self::Live => ("Live", "good"),
            Self::Stale => (
                "Connection lost; trying again. Rows may be missing here.",
                "bad",
            ),
        }
    }
}

/// The open connection; closed when it is dropped.
struct Connection {
    source: EventSource,
    _listeners: [Closure<dyn FnMut(MessageEvent)>; 2],
    _error: Closure<dyn FnMut(Event)>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.source.close();
    }
}

thread_local! {
    /// The connection of the page that is looked at; there is one such page at a time. It is no signal,
    /// because the server, where it stays empty, makes and drops those on any thread.
    static OPEN: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

fn set_open(connection: Option<Connection>) {
    OPEN.with_borrow_mut(|open| *open = connection);
}

#[component]
pub fn Rows(
    rows: Vec<RequestSummary>,
    own: bool,
    /// Where new rows come from; `None`: this page has none.
    events: Option<String>,
    /// The number of the newest row when the page was made.
    newest: i64,
) -> impl IntoView {
    let new_rows = RwSignal::new(Vec::<RequestSummary>::new());
    let waiting = RwSignal::new(Vec::<RequestSummary>::new());
    let paused = RwSignal::new(false);
    let bar = events.map(|events| {
        bar(
            events,
            newest,
            Incoming {
                new_rows,
                waiting,
                paused,
            },
        )
    });
    let list = move || {
        let mut all = new_rows.get();
        all.extend(rows.iter().cloned());
        // A page is never without its table while it follows, so that the first row has a place.
        (!all.is_empty()).then(|| view! { <RequestsTable requests=all own/> })
    };
    view! {
        {bar}
        {list}
    }
    .into_any()
}

/// Where rows go that come in.
#[derive(Clone, Copy)]
struct Incoming {
    new_rows: RwSignal<Vec<RequestSummary>>,
    waiting: RwSignal<Vec<RequestSummary>>,
    paused: RwSignal<bool>,
}

impl Incoming {
    fn add(self, row: RequestSummary) {
        let place = match self.paused.get_untracked() {
            true => self.waiting,
            false => self.new_rows,
        };
        place.update(|rows| {
            if !rows.iter().any(|known| known.request_id == row.request_id) {
                rows.insert(0, row);
                rows.truncate(KEPT);
            }
        });
    }

    fn resume(self) {
        let mut came = self.waiting.get_untracked();
        self.waiting.set(Vec::new());
        self.new_rows.update(|rows| {
            came.append(rows);
            came.truncate(KEPT);
            *rows = came;
        });
    }
}

fn bar(events: String, newest: i64, incoming: Incoming) -> AnyView {
    let line = RwSignal::new(Line::Off);
    let quiet_for = RwSignal::new(0_u32);
    let last_row = RwSignal::new(newest);

    let connect = move || {
        set_open(None);
        let after = last_row.get_untracked();
        let glue = if events.contains('?') { '&' } else { '?' };
        let url = format!("{events}{glue}after={after}");
        let Ok(source) = EventSource::new(&url) else {
            line.set(Line::Stale);
            return;
        };
        let row = Closure::new(move |message: MessageEvent| {
            quiet_for.set(0);
            line.set(Line::Live);
            if let Ok(number) = message.last_event_id().parse() {
                last_row.set(number);
            }
            let text = message.data().as_string().unwrap_or_default();
            if let Ok(row) = serde_json::from_slice::<RequestSummary>(text.as_bytes()) {
                incoming.add(row);
            }
        });
        let beat = Closure::new(move |_: MessageEvent| {
            quiet_for.set(0);
            line.set(Line::Live);
        });
        let error = Closure::new(move |_: Event| line.set(Line::Stale));
        let listeners: [Closure<dyn FnMut(MessageEvent)>; 2] = [row, beat];
        for (name, listener) in ["row", "beat"].into_iter().zip(&listeners) {
            // A name and a function: nothing that could be refused.
            let _ =
                source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        }
        source.set_onerror(Some(error.as_ref().unchecked_ref()));
        set_open(Some(Connection {
            source,
            _listeners: listeners,
            _error: error,
        }));
    };
    let start = {
        let connect = connect.clone();
        move || {
            line.set(Line::Connecting);
            quiet_for.set(0);
            connect();
        }
    };
    // Only in the browser: effects do not run on the server.
    Effect::new(move |_| {
        let connect = connect.clone();
        let look = move || {
            if line.get_untracked() == Line::Off {
                return;
            }
            quiet_for.update(|seconds| *seconds += 5);
            if quiet_for.get_untracked() >= STALE_AFTER_S {
                line.set(Line::Stale);
                quiet_for.set(0);
                connect();
            }
        };
        if let Ok(handle) = set_interval_with_handle(look, LOOK_EVERY) {
            on_cleanup(move || handle.clear());
        }
    });
    on_cleanup(|| set_open(None));

    let toggle = move |_| match line.get_untracked() {
        Line::Off => start(),
        _ => {
            set_open(None);
            line.set(Line::Off);
        }
    };
    let pause = move |_| {
        let now = !incoming.paused.get_untracked();
        incoming.paused.set(now);
        if !now {
            incoming.resume();
        }
    };
    let following = move || line.get() != Line::Off;
    view! {
        <div class="toolbar">
            <button
                class="btn js-only"
                data-variant="outline"
                data-size="sm"
                type="button"
                aria-pressed=move || if following() { "true" } else { "false" }
                on:click=toggle
            >
                {move || if following() { "Stop following" } else { "Follow live" }}
            </button>
            {move || {
                following()
                    .then(|| {
                        view! {
                            <button
                                class="btn"
                                data-variant="outline"
                                data-size="sm"
                                type="button"
                                on:click=pause
                            >
                                {move || match (incoming.paused.get(), incoming.waiting.read().len()) {
                                    (false, _) => "Pause".to_owned(),
                                    (true, 0) => "Go on".to_owned(),
                                    (true, n) => format!("Go on ({n} new)"),
                                }}
                            </button>
                        }
                    })
            }}
            <span class="state js-only" data-tone=move || line.get().words().1 role="status">
                {move || line.get().words().0}
            </span>
            <a class="btn" data-variant="ghost" data-size="sm" href="" rel="external">
                <Icon name="refresh-cw"/>
                "Reload"
            </a>
        </div>
    }
    .into_any()
}
