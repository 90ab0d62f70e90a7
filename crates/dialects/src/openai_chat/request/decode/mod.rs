//! A client's request into the neutral form. What real clients send is accepted (nulls, strings or
//! arrays, legacy functions, the members that OpenRouter, LiteLLM, vLLM and others have added); what
//! has no neutral form is kept by name; what makes no sense is refused with its place.

mod messages;
pub(crate) mod options;
mod reasoning;
mod tools;

use domain::Dialect;

use crate::{
    RequestError,
    ir::Request,
    node::{Kind, Mismatch, Node, Object},
};

/// Reads a request. Its `model` and how it wants to be answered (`stream`, `stream_options`) are the
/// caller's, who has read them already.
///
/// # Errors
/// It is no JSON object, or a member is not what its place calls for.
pub fn decode(body: &[u8]) -> Result<Request, RequestError> {
    let mut body = object(body)?;
    let mut request = Request::new(Dialect::OpenaiChat);
    read(&mut body, &mut request)?;
    request.extra.extend(body.rest());
    Ok(request)
}

/// The body as an object, without the members that are the caller's.
pub(crate) fn object(body: &[u8]) -> Result<Object<'_>, RequestError> {
    let node = Node::parse(body).map_err(RequestError::Malformed)?;
    if node.kind() != Kind::Object {
        return Err(RequestError::Malformed("expected a JSON object".to_owned()));
    }
    let mut object = node.object()?;
    for member in ["model", "stream", "stream_options"] {
        object.take(member);
    }
    Ok(object)
}

fn read(body: &mut Object<'_>, request: &mut Request) -> Result<(), Mismatch> {
    request.messages = messages::read(&body.need("messages")?)?;
    options::sampling(body, request)?;
    options::answer(body, request)?;
    options::account(body, request)?;
    tools::read(body, request)?;
    request.reasoning = reasoning::read(body, &mut request.extra)?;
    Ok(())
}
