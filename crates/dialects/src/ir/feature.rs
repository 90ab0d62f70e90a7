//! What becomes of each thing that a request can say when the upstream speaks another dialect: one
//! table, which the encoders obey and the documentation is generated from (`docs/translation.md`).
//!
//! Kept means that the upstream gets it and, in an answer, that the client gets it. Dropped is told to
//! the client by name in the header `x-llm-router-dropped`; it is chosen where the answer stays right
//! without it. Refused is a 400 that says what to leave out; it is chosen where the answer would be
//! something else than what was asked for.

use domain::Dialect;

/// What becomes of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    Kept,
    /// In another way, which the text says; the outcome is the same as far as the model allows.
    Emulated(&'static str),
    /// Left out, and the client is told. The text says why that is right.
    Dropped(&'static str),
    /// A 400. The text completes "…: ".
    Refused(&'static str),
}

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $text:literal, [$chat:expr, $responses:expr, $messages:expr, $converse:expr];)*) => {
        /// Something that a request or an answer can hold and that not every dialect has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature { $($(#[$doc])* $name,)* }

        impl Feature {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the header and in the table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            const fn row(self) -> [Treatment; 4] {
                match self { $(Self::$name => [$chat, $responses, $messages, $converse],)* }
            }
        }
    };
}

const K: Treatment = Treatment::Kept;

const fn e(how: &'static str) -> Treatment {
    Treatment::Emulated(how)
}

const fn d(why: &'static str) -> Treatment {
    Treatment::Dropped(why)
}

const fn r(why: &'static str) -> Treatment {
    Treatment::Refused(why)
}

// Columns: Chat Completions, Responses, Anthropic Messages, Bedrock Converse as the upstream's dialect.
features! {
    /// System or developer messages before the first turn.
    Instructions = "instructions", [K, K, K, K];
    /// System or developer messages between turns.
    MidSystem = "system_in_mid_conversation", [K, K, e("as such for models that take it (Opus from 4.8 on); for others as text of the user's turn, marked as the system's"), e("as text of the user's turn, marked as the system's")];
    /// The developer role as something else than the system's.
    DeveloperRole = "developer_role", [K, K, e("as system"), e("as system")];
    /// Who of several speakers says something.
    SpeakerName = "name", [K, d("there are no names, the roles tell the sides apart"), d("there are no names, the roles tell the sides apart"), d("there are no names, the roles tell the sides apart")];
    /// The answer's beginning, given as a last assistant message.
    Prefill = "prefill", [K, K, e("blanks at its end are cut off, which the API refuses"), e("blanks at its end are cut off, which the API refuses")];
    /// Pictures, base64.
    ImageData = "image", [K, K, K, K];
    /// Pictures, by URL.
    ImageUrl = "image_url", [K, K, K, r("this upstream takes images as base64 data only")];
    /// How closely to look at a picture.
    ImageDetail = "image_detail", [K, K, d("the API has one detail only"), d("the API has one detail only")];
    /// Documents, base64.
    DocumentData = "document", [K, K, K, K];
    /// Documents that are plain text.
    DocumentText = "text_document", [e("as a text part with its title"), e("as a text part with its title"), K, K];
    /// Documents, by URL.
    DocumentUrl = "document_url", [r("this upstream takes documents as base64 data only"), K, K, r("this upstream takes documents as base64 data only")];
    /// A document's context.
    DocumentContext = "document_context", [d("a hint only"), d("a hint only"), K, K];
    /// Files kept at one provider.
    File = "file", [r("a file that is kept at another provider cannot be read here"), r("a file that is kept at another provider cannot be read here"), r("a file that is kept at another provider cannot be read here"), r("a file that is kept at another provider cannot be read here")];
    /// Recordings as input.
    Audio = "audio", [K, r("the Responses API takes no audio"), r("the Messages API takes no audio"), K];
    /// Films as input.
    Video = "video", [r("this upstream takes no video"), r("this upstream takes no video"), r("this upstream takes no video"), K];
    /// Function tools, their calls and results.
    Tools = "tools", [K, K, K, K];
    /// OpenAI's strict schemas for tools.
    StrictTools = "strict", [K, K, e("for models from 4.1 on; others follow the schema without being forced to"), e("for Claude models from 4.5; others follow the schema without being forced to")];
    /// Custom tools: free text in.
    CustomTools = "custom_tools", [e("as such to OpenAI itself, to others as a function with one text parameter"), K, e("as a function with one text parameter"), e("as a function with one text parameter")];
    /// Tools that the provider runs.
    ProviderTools = "provider_tools", [d("another provider's own tools cannot be called here"), d("another provider's own tools cannot be called here"), d("another provider's own tools cannot be called here"), d("another provider's own tools cannot be called here")];
    /// A forced choice of such a tool.
    ProviderToolChoice = "provider_tool_choice", [r("the tool that is to be called is another provider's own"), r("the tool that is to be called is another provider's own"), r("the tool that is to be called is another provider's own"), r("the tool that is to be called is another provider's own")];
    /// What such tools, searches and compactions left in the conversation.
    ProviderBlocks = "provider_blocks", [d("only their own provider can read them"), d("only their own provider can read them"), d("only their own provider can read them"), d("only their own provider can read them")];
    /// Details of a tool's definition that only its own dialect has.
    ToolExtras = "tool_extras", [d("hints only"), d("hints only"), d("hints only"), d("hints only")];
    /// Tool choice `none`.
    ToolChoiceNone = "tool_choice_none", [K, K, K, e("the tools are not offered, and earlier calls become text")];
    /// Tool choice `required` or by name.
    ToolChoiceForced = "tool_choice", [K, K, K, K];
    /// At most one call at a time.
    ParallelOff = "parallel_tool_calls", [K, K, K, e("by a field for Claude models; dropped for others")];
    /// Pictures in a tool's result.
    ToolResultImage = "tool_result_image", [e("in a user message behind the results"), K, K, K];
    /// Documents in a tool's result.
    ToolResultDocument = "tool_result_document", [e("in a user message behind the results"), K, K, K];
    /// A tool's result that is an error.
    ToolResultError = "tool_result_error", [e("the text says so"), e("the text says so"), K, K];
    /// Thinking of earlier turns, readable.
    Thinking = "thinking", [e("as reasoning_content; left out toward OpenAI itself, which takes none"), d("it cannot be given back without its proof"), d("it cannot be given back without its proof"), d("it cannot be given back without its proof")];
    /// Proofs of thinking that another provider made.
    ForeignProof = "thinking_of_another_provider", [e("in reasoning_details or extra_content toward servers that give proofs there; dropped elsewhere"), d("only its own provider can read it"), d("only its own provider can read it"), d("only its own provider can read it")];
    /// How hard to think, in words.
    Effort = "reasoning_effort", [e("the word as it is, max as the highest; left out for models that do not reason"), K, e("as a thinking budget, or as effort where the model has it"), e("as effort or a thinking budget for Claude, in their own words for Nova 2 and gpt-oss; dropped for others")];
    /// How much to think, in tokens.
    ThinkingBudget = "thinking_budget", [e("as the nearest effort"), e("as the nearest effort"), K, e("for Claude; as the nearest effort for Nova 2 and gpt-oss; dropped for others")];
    /// What the client wants to see of the thinking.
    ThinkingDisplay = "thinking_display", [d("the upstream shows what it shows"), K, K, e("for Claude models; dropped for others")];
    /// Marks of what to cache.
    CacheMarks = "cache_control", [d("OpenAI caches by itself"), d("OpenAI caches by itself"), K, e("for Claude and Nova models; dropped for others")];
    /// How long to cache, at a mark.
    CacheTtl = "cache_ttl", [d("OpenAI caches by itself"), d("OpenAI caches by itself"), K, e("for Claude models; five minutes for others")];
    /// OpenAI's key and retention of its cache.
    PromptCacheKey = "prompt_cache_key", [K, K, d("caching follows the marks"), d("caching follows the marks")];
    /// Sources that a text names.
    Citations = "citations", [d("sources of other providers have no place in a request"), d("sources of other providers have no place in a request"), d("sources of other providers have no place in a request"), d("sources of other providers have no place in a request")];
    /// Answers that follow a JSON Schema.
    JsonSchema = "json_schema", [K, K, e("what its grammar lacks is told in the descriptions; for models before 4.1 by an instruction"), e("by an instruction for models that cannot be made to follow one")];
    /// Answers that are some JSON object.
    JsonObject = "json_object", [K, K, e("by an instruction"), e("by an instruction")];
    /// A grammar for the answer.
    OutputGrammar = "output_grammar", [r("this upstream has no grammar for answers"), r("this upstream has no grammar for answers"), r("this upstream has no grammar for answers"), r("this upstream has no grammar for answers")];
    /// Texts at which to stop.
    Stop = "stop", [e("the first four, which is all that OpenAI takes"), d("the API has none, so that the answer may go on behind them"), K, K];
    /// The most tokens of the answer.
    MaxTokens = "max_output_tokens", [K, e("at least 16, which is the least that the API takes"), K, K];
    /// Sampling temperature; Anthropic's goes to 1.
    Temperature = "temperature", [K, K, e("at most 1; left out where thinking forbids it"), e("at most 1; left out where thinking or the model's version forbids it")];
    TopP = "top_p", [K, K, e("left out where the model refuses it: beside a temperature, or with thinking"), e("left out where thinking or the model's version forbids it")];
    TopK = "top_k", [e("sent to compatible servers; OpenAI samples without it"), d("OpenAI samples without it"), e("left out where thinking forbids it"), e("for Claude and Nova; dropped for others")];
    Seed = "seed", [K, d("a best effort anywhere"), d("a best effort anywhere"), d("a best effort anywhere")];
    Penalties = "penalties", [K, d("sampling without them"), d("sampling without them"), d("sampling without them")];
    LogitBias = "logit_bias", [K, r("tokens of one model mean nothing to another"), r("tokens of one model mean nothing to another"), r("tokens of one model mean nothing to another")];
    /// Log probabilities in the answer.
    Logprobs = "logprobs", [K, K, r("this upstream tells no log probabilities"), r("this upstream tells no log probabilities")];
    /// More than one answer.
    Candidates = "n", [K, r("this upstream gives one answer a request"), r("this upstream gives one answer a request"), r("this upstream gives one answer a request")];
    Verbosity = "verbosity", [K, K, d("a hint only"), d("a hint only")];
    /// How urgent it is.
    ServiceTier = "service_tier", [K, K, e("auto or standard_only"), K];
    /// Who the end user is.
    User = "user", [K, K, e("left out where it is a mail address or a telephone number, which the API refuses"), e("as request metadata; dropped where it does not fit its pattern")];
    /// Free labels.
    Metadata = "metadata", [e("kept; dropped where OpenAI shall not store the answer, without which it takes none"), K, d("the API keeps an id of the user only"), e("what does not fit the service's pattern is dropped")];
    /// Whether the provider keeps the answer.
    Store = "store", [K, K, d("this upstream keeps no answers"), d("this upstream keeps no answers")];
    /// Members that only their own dialect knows.
    UnknownFields = "unknown_fields", [d("they mean something in their own dialect only"), d("they mean something in their own dialect only"), d("they mean something in their own dialect only"), d("they mean something in their own dialect only")];
}

impl Feature {
    /// What becomes of it in a request to an upstream of another dialect, `target`.
    #[must_use]
    pub const fn treatment(self, target: Dialect) -> Treatment {
        let [chat, responses, messages, converse] = self.row();
        match target {
            Dialect::OpenaiResponses => responses,
            Dialect::AnthropicMessages => messages,
            Dialect::BedrockConverse => converse,
            _ => chat,
        }
    }
}

/// What had to be left out of a request, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(Vec<(Feature, Option<String>)>);

impl Losses {
    /// Says that `target` has no place for `feature`, and asks the table what follows from it. `detail`
    /// names the member or the block, where the feature's own name does not.
    ///
    /// # Errors
    /// The table says that the request is refused.
    pub fn cannot(
        &mut self,
        feature: Feature,
        target: Dialect,
        detail: Option<&str>,
    ) -> Result<(), Refused> {
        if let Treatment::Refused(why) = feature.treatment(target) {
            return Err(Refused {
                feature,
                message: format!("{}: {why}", detail.unwrap_or(feature.name())),
            });
        }
        let entry = (feature, detail.map(str::to_owned));
        if !self.0.contains(&entry) {
            self.0.push(entry);
        }
        Ok(())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn contains(&self, feature: Feature) -> bool {
        self.0.iter().any(|(lost, _)| *lost == feature)
    }

    /// The names, for the header: `seed, unknown_fields(context_management)`.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<String> = self
            .0
            .iter()
            .map(|(feature, detail)| match detail {
                Some(detail) => format!("{}({detail})", feature.name()),
                None => feature.name().to_owned(),
            })
            .collect();
        names.join(", ")
    }
}

/// A request that an upstream of another dialect cannot answer as asked; the client's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub feature: Feature,
    /// Names the member, and says why.
    pub message: String,
}
