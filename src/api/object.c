/* Retain and release of any object, and the argument check. Knows nothing of what objects hold. */
#include "api/object.h"

#include <string.h>
#include "base/log.h"
#include "dispatch/runtime.h"

static const char *kind_name(enum bri_kind kind)
{
	switch (kind) {
	case BRI_KIND_DISPATCH_QUEUE: return "dispatch_queue";
	case BRI_KIND_DISPATCH_QUEUE_ATTR: return "dispatch_queue_attr";
	case BRI_KIND_DISPATCH_DATA: return "dispatch_data";
	case BRI_KIND_DISPATCH_GROUP: return "dispatch_group";
	case BRI_KIND_DISPATCH_SEMAPHORE: return "dispatch_semaphore";
	case BRI_KIND_DISPATCH_SOURCE: return "dispatch_source";
	case BRI_KIND_DISPATCH_IO: return "dispatch_io";
	case BRI_KIND_ENDPOINT: return "nw_endpoint";
	case BRI_KIND_ERROR: return "nw_error";
	case BRI_KIND_INTERFACE: return "nw_interface";
	case BRI_KIND_PATH: return "nw_path";
	case BRI_KIND_PARAMETERS: return "nw_parameters";
	case BRI_KIND_PROTOCOL_STACK: return "nw_protocol_stack";
	case BRI_KIND_PROTOCOL_DEFINITION: return "nw_protocol_definition";
	case BRI_KIND_PROTOCOL_OPTIONS: return "nw_protocol_options";
	case BRI_KIND_PROTOCOL_METADATA: return "nw_protocol_metadata";
	case BRI_KIND_CONTENT_CONTEXT: return "nw_content_context";
	case BRI_KIND_PRIVACY_CONTEXT: return "nw_privacy_context";
	case BRI_KIND_RESOLVER_CONFIG: return "nw_resolver_config";
	case BRI_KIND_CONNECTION: return "nw_connection";
	case BRI_KIND_LISTENER: return "nw_listener";
	case BRI_KIND_ESTABLISHMENT_REPORT: return "nw_establishment_report";
	case BRI_KIND_RESOLUTION_REPORT: return "nw_resolution_report";
	case BRI_KIND_DATA_TRANSFER_REPORT: return "nw_data_transfer_report";
	case BRI_KIND_PATH_MONITOR: return "nw_path_monitor";
	case BRI_KIND_MULTIPATH: return "braid_multipath";
	case BRI_KIND_SUBFLOW: return "braid_subflow";
	case BRI_KIND_FRAMER: return "nw_framer";
	case BRI_KIND_WS_REQUEST: return "nw_ws_request";
	case BRI_KIND_WS_RESPONSE: return "nw_ws_response";
	case BRI_KIND_PROXY_CONFIG: return "nw_proxy_config";
	case BRI_KIND_RELAY_HOP: return "nw_relay_hop";
	case BRI_KIND_SEC_OPTIONS: return "sec_protocol_options";
	case BRI_KIND_SEC_METADATA: return "sec_protocol_metadata";
	case BRI_KIND_CERTIFICATE: return "sec_certificate";
	case BRI_KIND_IDENTITY: return "sec_identity";
	case BRI_KIND_TRUST: return "sec_trust";
	case BRI_KIND_KEY: return "SecKey";
	case BRI_KIND_POLICY: return "SecPolicy";
	case BRI_KIND_CF_STRING: return "CFString";
	case BRI_KIND_CF_DATA: return "CFData";
	case BRI_KIND_CF_NUMBER: return "CFNumber";
	case BRI_KIND_CF_BOOLEAN: return "CFBoolean";
	case BRI_KIND_CF_NULL: return "CFNull";
	case BRI_KIND_CF_ARRAY: return "CFArray";
	case BRI_KIND_CF_DICTIONARY: return "CFDictionary";
	case BRI_KIND_CF_ERROR: return "CFError";
	case BRI_KIND_CF_DATE: return "CFDate";
	case BRI_KIND_CF_URL: return "CFURL";
	case BRI_KIND_CF_READ_STREAM: return "CFReadStream";
	case BRI_KIND_CF_ALLOCATOR: return "CFAllocator";
	}
	return "object";
}

void *bri_object_new_pooled(const struct bri_class *cls, size_t size)
{
	struct bri_object *obj = bri_pool_alloc(size);

	if (obj) {
		memset(obj, 0, size);
		bri_object_init(obj, cls);
	}
	return obj;
}

bool bri_object_check(const void *obj, enum bri_kind kind, const char *function)
{
	if (BRI_LIKELY(bri_object_is(obj, kind)))
		return true;
	if (!obj)
		bri_error("%s: the %s argument is NULL", function, kind_name(kind));
	else
		bri_error("%s: the argument is a %s, not a %s", function,
			((const struct bri_object *)obj)->cls->name, kind_name(kind));
	return false;
}

void *bri_object_own(void *obj)
{
	struct bri_object *o = obj;

	if (o && bri_object_is_sole(o, 1) && !o->cls->wind_down) {
		atomic_store_explicit(&o->ext, 0, memory_order_relaxed);
		return obj;
	}
	bri_object_get(obj);
	bri_object_release(obj);
	return obj;
}

void *nw_retain(void *obj)
{
	return bri_object_retain(obj);
}

void nw_release(void *obj)
{
	bri_object_release(obj);
}
