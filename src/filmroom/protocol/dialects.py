"""The faces of the service as data: everything in which `/v1`, `/v2` and `/dicomweb` differ."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from filmroom.dicom import search_attributes, store_response, validation, wording
from filmroom.dicom.resources import Level
from filmroom.dicom.store_response import Summary
from filmroom.dicom.wording import Wording
from filmroom.errors import BadTarget, Error, NotFound
from filmroom.protocol import offers, search_sets
from filmroom.protocol.negotiation import Kind, Offers


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one root of the service behaves. Chosen once, by the route, and handed down."""

    name: str
    root: str
    version: str | None  # as listed in api-supported-versions
    wording: Wording  # of what is refused

    offers: Mapping[Kind, Offers]

    fixed_500: bool  # an internal error is told in one sentence, whatever it is
    no_partition: type[Error]  # what it is to name a data partition that is not there

    # Store
    rules: validation.Rules
    response_shape: store_response.Shape
    response_type: str  # Content-Type of the store response
    store_statuses: Mapping[Summary, int]
    identical_succeeds: bool  # storing the same bytes again is a success
    lenient_parts: bool  # a part's type may have parameters or be missing

    # Retrieve
    transcodes_many: bool  # a change of Transfer Syntax also if several Instances are sent
    transcode_limit: int | None  # largest file whose Transfer Syntax is changed, in bytes
    completes_files: bool  # a file stored without preamble and file meta information is sent with them
    described_parts: bool  # multipart has its type parameter, and each part its Content-Location
    bulkdata_uris: bool  # Metadata has BulkDataURI; otherwise bulk values are left out
    padding: bool  # NULs and blanks at the end of values are part of them
    presentation: bool  # rendered images as asked for (PS3.18 §8.3.5), with square pixels; otherwise in a quality alone
    quoted_etags: bool  # "5-2" as RFC 9110 §8.8.3 wants it, or 5-2
    validators: bool  # ETag and Last-Modified of all that is retrieved, not of Metadata alone; and ranges of bytes
    metadata_fields: bool  # includefield chooses what is in Metadata

    # Search
    default_limit: int
    largest_limit: int
    empty_search_status: int
    matching_keys: Mapping[int, Level]  # what can be searched by, at its level and below
    sequence_keys: bool  # attributes inside sequences are searched by as well, named by their paths
    keys_of_scope: bool  # ... and also inside a resource of that level, where it says nothing new
    returned: Mapping[Level, frozenset[int]]  # by default
    returned_all: Mapping[Level, frozenset[int]] | None  # by includefield=all; None is everything there is
    computed: Mapping[Level, frozenset[int]]  # what no file says and a search at a level can be asked for
    synthesised: frozenset[int]  # attributes that the service makes up when they are asked for
    wildcards: bool  # * and ? in matching keys
    lists: bool  # several UIDs or codes in one matching key, or by repeating it
    negotiated: bool  # dates and times as one, timezones, no value, several values; names by component group
    paging: bool  # an order to choose, cursors, how many match
    strict: bool  # a parameter that can't be used is refused; otherwise it is passed over with a warning
    other_parameters: frozenset[str]  # of other parts of PS3.18; no warning

    # Change feed
    default_changes: int
    largest_changes: int
    changes_by_time: bool  # offset skips changes of a window of time; otherwise it is the sequence to begin after
    changes_since: bool  # since=SEQUENCE: all that came after it
    # Operations
    operation_types: frozenset[str] | None  # what is shown; None is everything
    succeeded: str  # how the state of one that succeeded is called


# The statuses of the Azure service
_V1_STATUSES: Mapping[Summary, int] = MappingProxyType(
    {Summary.EMPTY: 204, Summary.STORED: 200, Summary.WARNED: 200, Summary.PARTIAL: 202, Summary.FAILED: 409}
)
# PS3.18 Table 10.5.3-1 asks for 202 as well
_STATUSES: Mapping[Summary, int] = MappingProxyType({**_V1_STATUSES, Summary.WARNED: 202})

V1 = Dialect(
    name="v1",
    root="/v1",
    version="1",
    wording=wording.AZURE,
    offers=offers.AZURE,
    fixed_500=True,
    no_partition=BadTarget,
    rules=validation.V1,
    response_shape=store_response.V1,
    response_type="application/dicom+json; charset=utf-8",
    store_statuses=_V1_STATUSES,
    identical_succeeds=False,
    lenient_parts=False,
    transcodes_many=False,
    transcode_limit=100 * 1024**2,  # as the Azure service has it
    completes_files=False,
    described_parts=False,
    bulkdata_uris=False,
    padding=True,
    presentation=False,
    quoted_etags=False,
    validators=False,
    metadata_fields=False,
    default_limit=100,
    largest_limit=200,
    empty_search_status=204,
    matching_keys=search_sets.AZURE_KEYS,
    sequence_keys=False,
    keys_of_scope=False,
    returned=search_sets.V1_RETURNED,
    returned_all=search_sets.AZURE_ALL,
    computed=search_sets.AZURE_COMPUTED,
    synthesised=frozenset(),
    wildcards=False,
    lists=False,
    negotiated=False,
    paging=False,
    strict=True,
    other_parameters=frozenset(),
    default_changes=10,
    largest_changes=100,
    changes_by_time=False,
    changes_since=False,
    operation_types=frozenset({"export", "reindex", "update"}),  # clients can't read answers of other types
    succeeded="completed",
)
V1_PRERELEASE = replace(
    V1,
    name="v1.0-prerelease",
    root="/v1.0-prerelease",
    version="1.0-prerelease",
    offers=offers.AZURE_PRERELEASE,
)
V2 = replace(
    V1,
    name="v2",
    root="/v2",
    version="2",
    offers=offers.AZURE_V2,
    rules=validation.V2,
    response_shape=store_response.V2,
    store_statuses=_STATUSES,
    returned=search_sets.V2_RETURNED,
    default_changes=100,
    largest_changes=200,
    changes_by_time=True,
    succeeded="succeeded",
)
DICOMWEB = Dialect(
    name="dicomweb",
    root="/dicomweb",
    version=None,
    wording=wording.STANDARD,
    offers=offers.STANDARD,
    fixed_500=False,
    no_partition=NotFound,
    rules=validation.STANDARD,
    response_shape=store_response.STANDARD,
    response_type="application/dicom+json",  # exactly: the Python dicomweb-client compares the whole text
    store_statuses=_STATUSES,
    identical_succeeds=True,
    lenient_parts=True,
    transcodes_many=True,
    transcode_limit=None,
    completes_files=True,
    described_parts=True,
    bulkdata_uris=True,
    padding=False,
    presentation=True,
    quoted_etags=True,
    validators=True,
    metadata_fields=True,
    # A viewer's list of Studies and the Instances of nearly every Series fit in the default, at some 1 MB of
    # JSON. Who wants more says so or pages by offset; ten thousand are the most that one request may cost.
    default_limit=1000,
    largest_limit=10_000,
    empty_search_status=200,
    matching_keys=search_attributes.MATCHING_KEYS,
    sequence_keys=True,
    keys_of_scope=True,
    returned=search_sets.STANDARD_RETURNED,
    returned_all=None,
    computed={level: frozenset(search_attributes.COMPUTED) for level in Level},
    synthesised=frozenset({search_attributes.RETRIEVE_URL, search_attributes.INSTANCE_AVAILABILITY}),
    wildcards=True,
    lists=True,
    negotiated=True,
    paging=True,
    strict=False,
    other_parameters=frozenset({"accept", "charset"}),  # PS3.18 §8.3.3
    default_changes=100,
    largest_changes=200,
    changes_by_time=True,
    changes_since=True,
    operation_types=None,
    succeeded="succeeded",
)

ALL = (V1_PRERELEASE, V1, V2, DICOMWEB)
