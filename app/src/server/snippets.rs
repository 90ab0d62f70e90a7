//! What to paste into each client, with this server's own address, a model and a key in it. Every text
//! works as it stands; tests paste them. Values are written in each language's own quotes, so that no
//! name can break out of them.

use leptos::serde_json::{self, Value, json};

use crate::components::snippets::Snippet;

/// Stands where the key belongs that nobody can show again.
pub const PLACEHOLDER: &str = "PASTE-YOUR-KEY-HERE";

/// What a client is to reach.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// This server's address, without a slash at its end.
    pub base_url: &'a str,
    pub key: &'a str,
    pub model: &'a str,
}

/// Within single quotes of a shell.
fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A string of JSON, which Python, JavaScript and YAML read as well.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value as Python writes it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", quoted(name), python(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

fn snippet(client: &str, title: &str, note: &str, text: String) -> Snippet {
    Snippet {
        client: client.to_owned(),
        title: title.to_owned(),
        note: note.to_owned(),
        text,
    }
}

/// Every client that there is a text for.
#[must_use]
pub fn all(to: Connection<'_>) -> Vec<Snippet> {
    let hello = json!({"model": to.model, "messages": [{"role": "user", "content": "Hello"}]});
    let mut snippets = request(to, &hello);
    snippets.extend(sdks(to));
    snippets.extend(tools(to));
    snippets
}

/// One request to Chat Completions as code.
#[must_use]
pub fn request(to: Connection<'_>, body: &Value) -> Vec<Snippet> {
    let Connection { base_url, key, .. } = to;
    let url = quoted(&format!("{base_url}/v1"));
    let members = body.as_object().cloned().unwrap_or_default();
    let arguments: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("    {name}={},\n", python(value)))
        .collect();
    let streams = body.get("stream") == Some(&Value::Bool(true));
    let (python_end, node_end) = match streams {
        true => (
            "for chunk in answer:\n    if chunk.choices and chunk.choices[0].delta.content:\n        \
             print(chunk.choices[0].delta.content, end=\"\", flush=True)\nprint()",
            "for await (const chunk of answer) {\n  \
             process.stdout.write(chunk.choices[0]?.delta?.content ?? \"\");\n}",
        ),
        false => (
            "print(answer.choices[0].message.content)",
            "console.log(answer.choices[0].message.content);",
        ),
    };
    let pretty = serde_json::to_string_pretty(body).unwrap_or_default();
    vec![
        snippet(
            "curl",
            "curl",
            "",
            format!(
                "curl {} \\\n  -H {} \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
                sh(&format!("{base_url}/v1/chat/completions")),
                sh(&format!("Authorization: Bearer {key}")),
                sh(&body.to_string()),
            ),
        ),
        snippet(
            "python-openai",
            "Python, openai",
            "pip install openai",
            format!(
                "from openai import OpenAI\n\n\
                 client = OpenAI(base_url={url}, api_key={})\n\
                 answer = client.chat.completions.create(\n{})\n{python_end}",
                quoted(key),
                arguments.concat(),
            ),
        ),
        snippet(
            "node-openai",
            "Node, openai",
            "npm install openai",
            format!(
                "import OpenAI from \"openai\";\n\n\
                 const client = new OpenAI({{ baseURL: {url}, apiKey: {} }});\n\
                 const answer = await client.chat.completions.create({pretty});\n{node_end}",
                quoted(key),
            ),
        ),
    ]
}

fn sdks(to: Connection<'_>) -> Vec<Snippet> {
    let Connection { base_url, .. } = to;
    let (root, url) = (quoted(base_url), quoted(&format!("{base_url}/v1")));
    let (key, model) = (quoted(to.key), quoted(to.model));
    vec![
        snippet(
            "python-anthropic",
            "Python, anthropic",
            "pip install anthropic",
            format!(
                "from anthropic import Anthropic\n\n\
                 client = Anthropic(base_url={root}, api_key={key})\n\
                 answer = client.messages.create(\n    \
                 model={model},\n    max_tokens=1000,\n    \
                 messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}],\n)\n\
                 print(answer.content[0].text)"
            ),
        ),
        snippet(
            "node-anthropic",
            "Node, anthropic",
            "npm install @anthropic-ai/sdk",
            format!(
                "import Anthropic from \"@anthropic-ai/sdk\";\n\n\
                 const client = new Anthropic({{ baseURL: {root}, apiKey: {key} }});\n\
                 const answer = await client.messages.create({{\n  \
                 model: {model},\n  max_tokens: 1000,\n  \
                 messages: [{{ role: \"user\", content: \"Hello\" }}],\n}});\n\
                 console.log(answer.content[0].text);"
            ),
        ),
        snippet(
            "langchain",
            "LangChain",
            "pip install langchain-openai",
            format!(
                "from langchain_openai import ChatOpenAI\n\n\
                 chat = ChatOpenAI(base_url={url}, api_key={key}, model={model})\n\
                 print(chat.invoke(\"Hello\").content)"
            ),
        ),
        snippet(
            "vercel-ai-sdk",
            "Vercel AI SDK",
            "npm install ai @ai-sdk/openai-compatible",
            format!(
                "import {{ createOpenAICompatible }} from \"@ai-sdk/openai-compatible\";\n\
                 import {{ generateText }} from \"ai\";\n\n\
                 const router = createOpenAICompatible({{\n  \
                 name: \"llm-router\",\n  baseURL: {url},\n  apiKey: {key},\n}});\n\
                 const {{ text }} = await generateText({{ model: router({model}), prompt: \"Hello\" }});\n\
                 console.log(text);"
            ),
        ),
    ]
}

fn tools(to: Connection<'_>) -> Vec<Snippet> {
    let Connection {
        base_url,
        key,
        model,
    } = to;
    let url = format!("{base_url}/v1");
    let provider = format!(
        "model_providers.llm_router={{ name = \"LLM Router\", base_url = {}, \
         env_key = \"LLM_ROUTER_KEY\", wire_api = \"responses\" }}",
        quoted(&url)
    );
    vec![
        snippet(
            "claude-code",
            "Claude Code",
            "Any model will do, also one that is not Claude.",
            format!(
                "export ANTHROPIC_BASE_URL={}\n\
                 export ANTHROPIC_AUTH_TOKEN={}\n\
                 export ANTHROPIC_MODEL={}\n\
                 export ANTHROPIC_SMALL_FAST_MODEL={}\n\
                 claude",
                sh(base_url),
                sh(key),
                sh(model),
                sh(model)
            ),
        ),
        snippet(
            "codex",
            "Codex",
            "What follows -c can stand in ~/.codex/config.toml instead.",
            format!(
                "export LLM_ROUTER_KEY={}\n\
                 codex -c model_provider=llm_router -c {} -c {}",
                sh(key),
                sh(&format!("model={}", quoted(model))),
                sh(&provider)
            ),
        ),
        snippet(
            "qwen-code",
            "Qwen Code",
            "",
            format!(
                "export OPENAI_BASE_URL={}\nexport OPENAI_API_KEY={}\nexport OPENAI_MODEL={}\nqwen",
                sh(&url),
                sh(key),
                sh(model)
            ),
        ),
        snippet(
            "aider",
            "aider",
            "",
            format!(
                "export OPENAI_API_BASE={}\nexport OPENAI_API_KEY={}\naider --model {}",
                sh(&url),
                sh(key),
                sh(&format!("openai/{model}"))
            ),
        ),
        snippet(
            "open-webui",
            "Open WebUI",
            "It lists the models that the key may use. From inside a container, localhost is the container itself.",
            format!(
                "docker run -d -p 3000:8080 -v open-webui:/app/backend/data \\\n  \
                 -e ENABLE_OLLAMA_API=false \\\n  \
                 -e OPENAI_API_BASE_URL={} \\\n  \
                 -e OPENAI_API_KEY={} \\\n  \
                 --name open-webui ghcr.io/open-webui/open-webui:main",
                sh(&url),
                sh(key)
            ),
        ),
        snippet(
            "continue",
            "Continue",
            "For ~/.continue/config.yaml.",
            format!(
                "name: LLM Router\nversion: 1.0.0\nschema: v1\nmodels:\n  \
                 - name: {model}\n    provider: openai\n    model: {model}\n    \
                 apiBase: {url}\n    apiKey: {key}\n    roles: [chat, edit]",
                model = quoted(model),
                url = quoted(&url),
                key = quoted(key)
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Connection<'_> = Connection {
        base_url: "https://llm.example",
        key: "sk-lr-abc",
        model: "demo",
    };

    #[test]
    fn each_names_this_server_and_the_key() {
        let snippets = all(HERE);
        let clients: Vec<&str> = snippets.iter().map(|s| s.client.as_str()).collect();
        assert_eq!(
            clients,
            [
                "curl",
                "python-openai",
                "node-openai",
                "python-anthropic",
                "node-anthropic",
                "langchain",
                "vercel-ai-sdk",
                "claude-code",
                "codex",
                "qwen-code",
                "aider",
                "open-webui",
                "continue",
            ]
        );
        for Snippet { client, text, .. } in &snippets {
            assert!(text.contains("https://llm.example"), "{client}");
            assert!(text.contains("sk-lr-abc"), "{client}");
            // Open WebUI asks for the list.
            assert!(text.contains("demo") || client == "open-webui", "{client}");
        }
    }

    #[test]
    fn no_name_breaks_out_of_its_quotes() {
        let hostile = Connection {
            model: "a'b\"c",
            ..HERE
        };
        for Snippet { client, text, .. } in all(hostile) {
            let safe = text.contains(r#"'\''"#) || text.contains(r#"a'b\"c"#);
            assert!(safe || client == "open-webui", "{client}: {text}");
        }
    }

    #[test]
    fn values_are_written_as_python_does() {
        let value = json!({"a": [true, null, 1.5], "b": {"c": "d\"e"}});
        assert_eq!(
            python(&value),
            r#"{"a": [True, None, 1.5], "b": {"c": "d\"e"}}"#
        );
    }
}
