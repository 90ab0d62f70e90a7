//! What to paste into a client, with this server's own address and the key in it.

use leptos::prelude::*;

use super::api::Revealed;
use crate::components::icon::Icon;

#[component]
pub fn Snippets(secret: Revealed) -> impl IntoView {
    let texts = texts(&secret);
    let items = texts.map(|(title, text)| {
        // The first one is open: it is the quickest way to see that all works.
        let open = title == "curl";
        view! {
            <details class="snippet" open=open>
                <summary>
                    <Icon name="terminal"/>
                    {title}
                </summary>
                <pre tabindex="0">
                    <code>{text}</code>
                </pre>
            </details>
        }
    });
    view! {
        <section class="flex flex-col gap-3">
            <h2 class="font-medium">"Use it"</h2>
            {items.collect_view()}
        </section>
    }
    .into_any()
}

/// Title and text of each snippet.
fn texts(secret: &Revealed) -> [(&'static str, String); 3] {
    let Revealed {
        secret: key,
        base_url,
        openai_model,
        anthropic_model,
        ..
    } = secret;
    let model = openai_model.as_deref().unwrap_or("gpt-4o-mini");
    let claude = anthropic_model
        .as_deref()
        .map_or_else(String::new, |model| {
            format!("export ANTHROPIC_MODEL=\"{model}\"\n")
        });
    [
        (
            "curl",
            format!(
                "curl {base_url}/v1/chat/completions \\\n  \
                 -H \"Authorization: Bearer {key}\" \\\n  \
                 -H \"Content-Type: application/json\" \\\n  \
                 -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
            ),
        ),
        (
            "Python",
            format!(
                "from openai import OpenAI\n\n\
                 client = OpenAI(base_url=\"{base_url}/v1\", api_key=\"{key}\")\n\
                 answer = client.chat.completions.create(\n    \
                 model=\"{model}\",\n    \
                 messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}],\n)\n\
                 print(answer.choices[0].message.content)"
            ),
        ),
        (
            "Claude Code",
            format!(
                "export ANTHROPIC_BASE_URL=\"{base_url}\"\n\
                 export ANTHROPIC_AUTH_TOKEN=\"{key}\"\n\
                 {claude}claude"
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::reveal::api::SecretKind;

    #[test]
    fn snippets_name_this_server_its_model_and_the_key() {
        let secret = Revealed {
            kind: SecretKind::Key {
                label: "CI".to_owned(),
            },
            secret: "sk-lr-abc".to_owned(),
            base_url: "https://llm.example".to_owned(),
            openai_model: Some("demo".to_owned()),
            anthropic_model: None,
            back: "/user-ui/keys".to_owned(),
        };
        for (title, text) in texts(&secret) {
            assert!(text.contains("https://llm.example"), "{title}");
            assert!(text.contains("sk-lr-abc"), "{title}");
        }
        let [(_, curl), (_, python), (_, claude)] = texts(&secret);
        assert!(curl.contains(r#"{"model": "demo", "messages": [{"role": "user""#));
        assert!(python.contains("base_url=\"https://llm.example/v1\""));
        assert!(!claude.contains("ANTHROPIC_MODEL"));
    }
}
