//! One operation of the document, said in a line or two. What goes without saying is added: path parameters by
//! their names, the answers to those who may not ask, and the error where something can be wrong.

use std::collections::BTreeMap;

use utoipa::{
    ToSchema,
    openapi::{
        Content, HttpMethod, Object, Ref, RefOr, Required, Response, Type,
        content::ContentBuilder,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        response::ResponseBuilder,
        schema::{ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat},
        security::SecurityRequirement,
    },
};

use super::schemas::{Anything, Error};

const JSON: &str = "application/json";

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Everybody,
    /// By the master key, an API token or the token of an admin who signed in.
    Admin,
    /// By the token of who signed in.
    User,
    /// By a virtual key or the master key.
    Caller,
}

impl Who {
    /// Names of the ways to say who one is, each of which is enough.
    const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Everybody => &[],
            Self::Admin => &["admin_bearer", "admin_key"],
            Self::User => &["user_token", "user_bearer"],
            Self::Caller => &["virtual_key", "virtual_key_header"],
        }
    }
}

/// Schemas by their names.
pub type Schemas = BTreeMap<String, RefOr<Schema>>;

/// An operation in the making.
#[derive(Default)]
pub struct Operation {
    pub path: String,
    method: &'static str,
    summary: String,
    description: Option<String>,
    parameters: Vec<Parameter>,
    body: Option<(&'static str, RefOr<Schema>, bool)>,
    answers: BTreeMap<String, Response>,
    pub schemas: Schemas,
}

pub fn get(path: impl Into<String>, summary: &str) -> Operation {
    Operation::new("get", path.into(), summary)
}

pub fn post(path: impl Into<String>, summary: &str) -> Operation {
    Operation::new("post", path.into(), summary)
}

pub fn put(path: impl Into<String>, summary: &str) -> Operation {
    Operation::new("put", path.into(), summary)
}

pub fn patch(path: impl Into<String>, summary: &str) -> Operation {
    Operation::new("patch", path.into(), summary)
}

pub fn delete(path: impl Into<String>, summary: &str) -> Operation {
    Operation::new("delete", path.into(), summary)
}

/// What a path parameter may be: ids are numbers.
fn of_path(name: &str) -> (Schema, &'static str) {
    let (is_number, about) = match name {
        "id" => (true, "Its number."),
        "user" => (true, "The user's number."),
        "deployment" => (
            true,
            "The deployment's number, as GET /admin/prices tells it.",
        ),
        "token" => (true, "The token's number."),
        "key" => (false, "The key's number, or the key itself."),
        "handle" => (false, "As the list of sessions tells it."),
        _ => (false, "Its name."),
    };
    let schema = match is_number {
        true => integer(),
        false => ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .build(),
    };
    (Schema::Object(schema), about)
}

fn integer() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .build()
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

impl Operation {
    fn new(method: &'static str, path: String, summary: &str) -> Self {
        Self {
            path,
            method,
            summary: summary.to_owned(),
            ..Self::default()
        }
    }

    /// Refers to the schema of `T`, which is kept with all that it refers to.
    fn refer<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name().into_owned();
        let mut others = Vec::new();
        T::schemas(&mut others);
        self.schemas.extend(others);
        self.schemas.insert(name.clone(), T::schema());
        RefOr::Ref(Ref::from_schema_name(name))
    }

    pub fn about(mut self, description: &str) -> Self {
        self.description = Some(description.to_owned());
        self
    }

    /// Has a body of JSON.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        let schema = self.refer::<T>();
        self.body = Some((JSON, schema, true));
        self
    }

    /// May have a body of JSON.
    pub fn may_take<T: ToSchema>(mut self) -> Self {
        let schema = self.refer::<T>();
        self.body = Some((JSON, schema, false));
        self
    }

    /// Has a body in the client's dialect.
    pub fn takes_anything(mut self, content_type: &'static str) -> Self {
        let schema = self.refer::<Anything>();
        self.body = Some((content_type, schema, true));
        self
    }

    fn with_parameter(
        mut self,
        name: &str,
        about: &str,
        schema: RefOr<Schema>,
        required: Required,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(required)
            .description(Some(about))
            .schema(Some(schema));
        self.parameters.push(parameter.build());
        self
    }

    /// A number behind the question mark.
    pub fn number(self, name: &str, about: &str) -> Self {
        self.with_parameter(
            name,
            about,
            RefOr::T(Schema::Object(integer())),
            Required::False,
        )
    }

    /// A number that must be there.
    pub fn wants_number(self, name: &str, about: &str) -> Self {
        self.with_parameter(
            name,
            about,
            RefOr::T(Schema::Object(integer())),
            Required::True,
        )
    }

    /// A text behind the question mark.
    pub fn text(self, name: &str, about: &str) -> Self {
        self.with_parameter(
            name,
            about,
            RefOr::T(Schema::Object(text())),
            Required::False,
        )
    }

    /// One of a few words behind the question mark.
    pub fn word<T: ToSchema>(mut self, name: &str, about: &str) -> Self {
        let schema = self.refer::<T>();
        self.with_parameter(name, about, schema, Required::False)
    }

    fn with_answer(
        mut self,
        status: &str,
        about: &str,
        content: Option<(&str, RefOr<Schema>)>,
    ) -> Self {
        let before = self.answers.remove(status);
        let mut response = match before {
            // Another form of the same answer.
            Some(before) => ResponseBuilder::from(before),
            None => ResponseBuilder::new().description(about),
        };
        if let Some((content_type, schema)) = content {
            let content: Content = ContentBuilder::new().schema(Some(schema)).build();
            response = response.content(content_type, content);
        }
        self.answers.insert(status.to_owned(), response.build());
        self
    }

    /// Answers 200 with a `T`.
    pub fn gives<T: ToSchema>(mut self) -> Self {
        let schema = self.refer::<T>();
        self.with_answer("200", "It.", Some((JSON, schema)))
    }

    /// Answers 200 with a list.
    pub fn lists<T: ToSchema>(mut self) -> Self {
        let items = self.refer::<T>();
        let list = ArrayBuilder::new().items(items).build();
        let content = Some((JSON, RefOr::T(Schema::Array(list))));
        self.with_answer("200", "All of them.", content)
    }

    /// Answers 201 with a `T`.
    pub fn creates<T: ToSchema>(mut self) -> Self {
        let schema = self.refer::<T>();
        self.with_answer("201", "It is made.", Some((JSON, schema)))
    }

    /// Answers 204.
    pub fn gives_nothing(self) -> Self {
        self.with_answer("204", "It is gone.", None)
    }

    /// Answers 200 with what is no JSON.
    pub fn gives_text(self, content_type: &str) -> Self {
        let content = Some((content_type, RefOr::T(Schema::Object(text()))));
        self.with_answer("200", "It.", content)
    }

    /// Answers so, in the client's dialect.
    pub fn in_dialect(mut self, status: &str, about: &str) -> Self {
        let schema = self.refer::<Anything>();
        self.with_answer(status, about, Some((JSON, schema)))
    }

    /// Answers so with a body of its own.
    pub fn fails_with<T: ToSchema>(mut self, status: &str, about: &str) -> Self {
        let schema = self.refer::<T>();
        self.with_answer(status, about, Some((JSON, schema)))
    }

    fn fails(self, status: &str, about: &str) -> Self {
        self.fails_with::<Error>(status, about)
    }

    pub fn not_found(self) -> Self {
        self.fails("404", "There is none.")
    }

    pub fn wrong(self) -> Self {
        self.fails("400", "Something in the request is wrong.")
    }

    /// What is asked for does not go with what there is.
    pub fn conflicts(self) -> Self {
        self.fails("409", "It does not go with what there is.")
    }

    /// Signing in, which is refused and slowed down.
    pub fn signs_in(self) -> Self {
        self.fails(
            "403",
            "Name and password do not match, or the account may not.",
        )
        .fails(
            "429",
            "Too many attempts; `retry-after` says when to try again.",
        )
    }

    /// Not for those whose generated password is still to be changed.
    pub fn must_change(self) -> Self {
        self.fails("403", "The generated password is to be changed first.")
    }

    fn with_what_goes_without_saying(mut self, who: Who) -> Self {
        let path = self.path.clone();
        let names = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        for name in names {
            let (schema, about) = of_path(name);
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(about))
                .schema(Some(schema));
            self.parameters.push(parameter.build());
        }
        if who == Who::Caller {
            return self;
        }
        if !self.parameters.is_empty() || self.body.is_some() {
            self = self.wrong();
        }
        match who {
            Who::Admin => self
                .fails("401", "The credential is missing or opens nothing.")
                .fails("403", "The credential does not open this."),
            Who::User => self.fails("401", "The token is missing or opens nothing."),
            Who::Everybody | Who::Caller => self,
        }
    }

    /// Its method, as the document has it.
    pub fn method(&self) -> HttpMethod {
        match self.method {
            "post" => HttpMethod::Post,
            "put" => HttpMethod::Put,
            "patch" => HttpMethod::Patch,
            "delete" => HttpMethod::Delete,
            _ => HttpMethod::Get,
        }
    }

    /// The operation as the document has it.
    pub fn build(self, tag: &str, who: Who) -> (Self, OperationBuilder) {
        let mut this = self.with_what_goes_without_saying(who);
        let words = this.path.split(['/', '{', '}', '-', '.']);
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let mut built = OperationBuilder::new()
            .tag(tag)
            .summary(Some(std::mem::take(&mut this.summary)))
            .description(this.description.take())
            .operation_id(Some(format!("{}_{}", this.method, words.join("_"))))
            .securities(Some(who.schemes().iter().map(|scheme| {
                SecurityRequirement::new(*scheme, Vec::<String>::new())
            })));
        for parameter in std::mem::take(&mut this.parameters) {
            built = built.parameter(parameter);
        }
        if let Some((content_type, schema, required)) = this.body.take() {
            let content: Content = ContentBuilder::new().schema(Some(schema)).build();
            let required = if required {
                Required::True
            } else {
                Required::False
            };
            let body = RequestBodyBuilder::new()
                .content(content_type, content)
                .required(Some(required));
            built = built.request_body(Some(body.build()));
        }
        for (status, answer) in std::mem::take(&mut this.answers) {
            built = built.response(status, answer);
        }
        (this, built)
    }
}
