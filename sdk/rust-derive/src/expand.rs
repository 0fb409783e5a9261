//! The implementation that a struct gets.

use std::collections::BTreeMap;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Error, Fields, Ident, Result, Type};

use crate::attributes::{check_object, is_name, text};

/// What every record has and nobody sets.
const OF_THE_HOST: [&str; 4] = ["id", "version", "created_at", "updated_at"];

/// A field of the struct.
struct Field {
    ident: Ident,
    ty: Type,
    /// What it is called in the record.
    name: String,
}

/// `impl TypedRecord` for the struct in these tokens.
pub fn expand(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let ident = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(Error::new(input.generics.span(), "a typed record owns what it holds and takes no parameters"));
    }
    let object = text(&input.attrs, "object", "a struct")?.ok_or_else(|| {
        Error::new(ident.span(), "say which object its records are of: `#[record(object = \"contact\")]`")
    })?;
    check_object(&object)?;
    let fields = fields(input.data, ident)?;
    let sdk = quote!(::guildhall_sdk);
    let read = fields.iter().map(|Field { ident, ty, name }| {
        // The place of the type, so that what the compiler says of it is said there.
        let read = quote_spanned!(ty.span()=> #sdk::__private::read_field::<#ty>);
        quote!(#ident: #read(record, <Self as #sdk::TypedRecord>::OBJECT, #name)?)
    });
    let written = fields.iter().filter(|field| !OF_THE_HOST.contains(&field.name.as_str()));
    let write = written.map(|Field { ident, ty, name }| {
        let write = quote_spanned!(ty.span()=> #sdk::__private::write_field::<#ty>);
        quote!(let record = #write(record, #name, &self.#ident);)
    });
    Ok(quote! {
        #[automatically_derived]
        impl #sdk::TypedRecord for #ident {
            const OBJECT: &'static str = #object;

            fn from_record(record: &#sdk::Record) -> ::core::result::Result<Self, #sdk::Fault> {
                ::core::result::Result::Ok(Self { #(#read),* })
            }

            fn to_record(&self) -> #sdk::Record {
                let record = #sdk::Record::new();
                #(#write)*
                record
            }
        }
    })
}

fn fields(data: Data, ident: &Ident) -> Result<Vec<Field>> {
    let Data::Struct(data) = data else {
        return Err(Error::new(
            ident.span(),
            format!("`{ident}` is no struct: a typed record is one, with named fields"),
        ));
    };
    let Fields::Named(named) = data.fields else {
        return Err(Error::new(
            ident.span(),
            format!("the fields of `{ident}` need names: those of the record's fields"),
        ));
    };
    let mut fields: Vec<Field> = Vec::new();
    let mut taken: BTreeMap<String, Ident> = BTreeMap::new();
    for field in named.named {
        let Some(ident) = field.ident else { continue };
        let own = text(&field.attrs, "field", "a field")?;
        let (name, span): (String, Span) = match &own {
            Some(own) => (own.value(), own.span()),
            None => (ident.unraw().to_string(), ident.span()),
        };
        if !is_name(&name) {
            let remedy = "one is in lower case with `_`; `#[record(field = \"...\")]` says what it is called";
            return Err(Error::new(span, format!("`{name}` is no name of a record's field: {remedy}")));
        }
        if let Some(other) = taken.insert(name.clone(), ident.clone()) {
            return Err(Error::new(span, format!("`{other}` and `{ident}` are both the record's field `{name}`")));
        }
        fields.push(Field { ident, ty: field.ty, name });
    }
    Ok(fields)
}
