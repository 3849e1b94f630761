//! The words that operations and objects are described in.

pub(super) const JSON: &str = "application/json";

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// A domain name with final dot, of the characters that requests may have in one; answers may hold others.
    Name,
    /// The same with a wildcard label in front.
    Owner,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A whole number between these, both included.
    Integer(i64, i64),
    Flag,
    List(&'static Shape),
    /// The object of this name in `objects.rs`.
    Object(&'static str),
    Anything,
    /// One of several. Swagger 2.0 cannot say that, and allows anything.
    AnyOf(&'static [Shape]),
}

/// Whether an answer has a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Always,
    Sometimes,
    Never,
}

/// Whether a request needs a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Needed,
    Optional,
    /// It may be sent back as it was answered, and is not looked at.
    Ignored,
}

/// One field of an object. Where requests may hold other values than answers, the name stands twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) about: &'static str,
    pub(super) answered: Answered,
    pub(super) taken: Taken,
}

/// A field of answers only.
pub(super) const fn shown(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about, answered: Answered::Always, taken: Taken::Ignored }
}

/// A field of requests only, optional.
pub(super) const fn taken(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about, answered: Answered::Never, taken: Taken::Optional }
}

/// A field of both, optional in requests.
pub(super) const fn both(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about, answered: Answered::Always, taken: Taken::Optional }
}

impl Field {
    /// A request must have it.
    pub(super) const fn needed(mut self) -> Field {
        self.taken = Taken::Needed;
        self
    }

    /// Not every answer has it.
    pub(super) const fn sometimes(mut self) -> Field {
        self.answered = Answered::Sometimes;
        self
    }
}

/// A named object of requests, answers or both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) fields: &'static [Field],
}

/// A parameter in the query of a URL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) about: &'static str,
    pub(super) is_needed: bool,
}

/// A parameter that may be left out.
pub(super) const fn query(name: &'static str, shape: Shape, about: &'static str) -> Query {
    Query { name, shape, about, is_needed: false }
}

/// The JSON body of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    /// Swagger 2.0 names bodies, and its clients pass them by that name.
    pub(super) name: &'static str,
    pub(super) object: &'static str,
    /// Fields that this operation needs beyond those that the object always does.
    pub(super) needs: &'static [&'static str],
    pub(super) is_needed: bool,
}

/// One status with what it comes with.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    /// Media types with what they hold; none: no body.
    pub(super) content: Vec<(&'static str, Shape)>,
    /// Headers that tell something, whole numbers all.
    pub(super) headers: &'static [(&'static str, &'static str)],
}

/// What one action takes and answers.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// Generated clients name their functions so; PowerDNS's name where it has one.
    pub(super) id: &'static str,
    /// Groups operations; bravado finds them by it.
    pub(super) tag: &'static str,
    pub(super) about: &'static str,
    pub(super) query: Vec<Query>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    /// Statuses with an [`Error`](super::objects) that only this operation has.
    pub(super) refusals: Vec<(u16, &'static str)>,
}

/// An operation that takes nothing, to be completed by the methods of [`Operation`].
pub(super) fn operation(tag: &'static str, id: &'static str, about: &'static str) -> Operation {
    Operation { id, tag, about, query: Vec::new(), body: None, answers: Vec::new(), refusals: Vec::new() }
}

impl Operation {
    pub(super) fn query(mut self, query: &[Query]) -> Operation {
        self.query = query.to_vec();
        self
    }

    pub(super) fn takes(self, name: &'static str, object: &'static str, needs: &'static [&'static str]) -> Operation {
        Operation { body: Some(Body { name, object, needs, is_needed: true }), ..self }
    }

    pub(super) fn may_take(self, name: &'static str, object: &'static str) -> Operation {
        Operation { body: Some(Body { name, object, needs: &[], is_needed: false }), ..self }
    }

    pub(super) fn answers(self, status: u16, shape: Shape, about: &'static str) -> Operation {
        self.answers_in(status, &[(JSON, shape)], about)
    }

    /// Text of a media type.
    pub(super) fn answers_text(self, status: u16, media_type: &'static str, about: &'static str) -> Operation {
        self.answers_in(status, &[(media_type, Shape::Text)], about)
    }

    /// In one of several media types, by Accept.
    pub(super) fn answers_in(
        mut self,
        status: u16,
        content: &[(&'static str, Shape)],
        about: &'static str,
    ) -> Operation {
        self.answers.push(Answer { status, about, content: content.to_vec(), headers: &[] });
        self
    }

    /// 204.
    pub(super) fn done(self) -> Operation {
        self.answers_in(204, &[], "Done. No body.")
    }

    /// Headers of the answer described last.
    pub(super) fn headers(mut self, headers: &'static [(&'static str, &'static str)]) -> Operation {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers = headers;
        }
        self
    }

    pub(super) fn refuses(mut self, status: u16, about: &'static str) -> Operation {
        self.refusals.push((status, about));
        self
    }
}
