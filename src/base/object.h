/*
 * The common start of every public object (nw_*, dispatch_*, sec_*): its class and two counts.
 * The application's count reaching zero winds the object down; the internal count reaching zero
 * frees it. All the application's references together are one internal reference.
 * One header for all families, so that any retain/release works on any object, as programs expect.
 */
#ifndef BRI_OBJECT_H
#define BRI_OBJECT_H

#include <stdatomic.h>
#include "base/base.h"

enum bri_kind {
	BRI_KIND_DISPATCH_QUEUE = 1,
	BRI_KIND_DISPATCH_QUEUE_ATTR,
	BRI_KIND_DISPATCH_DATA,
	BRI_KIND_DISPATCH_GROUP,
	BRI_KIND_DISPATCH_SEMAPHORE,
	BRI_KIND_DISPATCH_SOURCE,
	BRI_KIND_DISPATCH_IO,
	BRI_KIND_ENDPOINT = 32,
	BRI_KIND_ERROR,
	BRI_KIND_INTERFACE,
	BRI_KIND_PATH,
	BRI_KIND_PARAMETERS,
	BRI_KIND_PROTOCOL_STACK,
	BRI_KIND_PROTOCOL_DEFINITION,
	BRI_KIND_PROTOCOL_OPTIONS,
	BRI_KIND_PROTOCOL_METADATA,
	BRI_KIND_CONTENT_CONTEXT,
	BRI_KIND_PRIVACY_CONTEXT,
	BRI_KIND_RESOLVER_CONFIG,
	BRI_KIND_CONNECTION,
	BRI_KIND_LISTENER,
	BRI_KIND_ESTABLISHMENT_REPORT,
	BRI_KIND_RESOLUTION_REPORT,
	BRI_KIND_DATA_TRANSFER_REPORT,
	BRI_KIND_PATH_MONITOR,
	BRI_KIND_MULTIPATH,
	BRI_KIND_SUBFLOW,
	BRI_KIND_FRAMER,
	BRI_KIND_WS_REQUEST,
	BRI_KIND_WS_RESPONSE,
	BRI_KIND_PROXY_CONFIG,
	BRI_KIND_RELAY_HOP,
	BRI_KIND_SEC_OPTIONS = 96,
	BRI_KIND_SEC_METADATA,
	BRI_KIND_CERTIFICATE, /* sec_certificate_t and SecCertificateRef */
	BRI_KIND_IDENTITY,    /* sec_identity_t and SecIdentityRef */
	BRI_KIND_TRUST,       /* sec_trust_t and SecTrustRef */
	BRI_KIND_KEY,
	BRI_KIND_POLICY,
	BRI_KIND_CF_STRING = 128,
	BRI_KIND_CF_DATA,
	BRI_KIND_CF_NUMBER,
	BRI_KIND_CF_BOOLEAN,
	BRI_KIND_CF_NULL,
	BRI_KIND_CF_ARRAY,
	BRI_KIND_CF_DICTIONARY,
	BRI_KIND_CF_ERROR,
	BRI_KIND_CF_DATE,
	BRI_KIND_CF_URL,
	BRI_KIND_CF_READ_STREAM,
	BRI_KIND_CF_ALLOCATOR,
};

struct bri_object;

struct bri_class {
	const char *name; /* "nw_endpoint", for messages */
	enum bri_kind kind;
	void (*wind_down)(
		struct bri_object *obj);         /* last application release; NULL: nothing to do */
	void (*destroy)(struct bri_object *obj); /* last internal put: frees everything */
	/* what CFEqual, CFHash and CFShow say of it; NULL: of its address */
	bool (*equal)(const struct bri_object *a, const struct bri_object *b); /* same class */
	uintptr_t (*hash)(const struct bri_object *obj);
	char *(*describe)(const struct bri_object *obj); /* malloc'd; NULL: no memory */
};

struct bri_object {
	const struct bri_class *cls;
	_Atomic int32_t ext;  /* the application's references */
	_Atomic int32_t refs; /* internal references; all of ext is one */
};

#define BRI_IMMORTAL INT32_MIN /* ext of static objects: retain and release do nothing */
#define BRI_OBJECT_STATIC(class_)                                                                  \
	{                                                                                          \
		.cls = (class_), .ext = BRI_IMMORTAL, .refs = 1                                    \
	}

/* bri_object_new(): zeroed memory of `size` bytes that starts with a struct bri_object; ext 1.
 * NULL: no memory. */
void *bri_object_new(const struct bri_class *cls, size_t size);
void bri_object_init(struct bri_object *obj, const struct bri_class *cls);

/* What the counts do at their ends; called by the inline functions below. */
void bri_object_last_release(struct bri_object *obj, int32_t old);
void bri_object_last_put(struct bri_object *obj, int32_t old);
void bri_object_first_retain(struct bri_object *obj, int32_t old);

static inline bool bri_object_is_counted(const struct bri_object *obj)
{
	return obj && atomic_load_explicit(&obj->ext, memory_order_relaxed) != BRI_IMMORTAL;
}

/*
 * Nobody else has a reference, of whichever count (ext: how many the application has): then nobody
 * can take one meanwhile, and counting down needs no atomic operation, of which a message costs
 * dozens. refs first: who gave up the other one may have retained before.
 */
static inline bool bri_object_is_sole(const struct bri_object *obj, int32_t ext)
{
	return atomic_load_explicit(&obj->refs, memory_order_acquire) == 1 &&
	       atomic_load_explicit(&obj->ext, memory_order_acquire) == ext;
}

/* The internal count. NULL is harmless. Too many puts abort. Context: any thread. */
static inline void *bri_object_get(void *ptr)
{
	struct bri_object *obj = ptr;

	if (bri_object_is_counted(obj))
		atomic_fetch_add_explicit(&obj->refs, 1, memory_order_relaxed);
	return ptr;
}

static inline void bri_object_put(void *ptr)
{
	struct bri_object *obj = ptr;
	int32_t old;

	if (!bri_object_is_counted(obj))
		return;
	old = bri_object_is_sole(obj, 0)
		      ? 1
		      : atomic_fetch_sub_explicit(&obj->refs, 1, memory_order_acq_rel);
	if (old <= 1)
		bri_object_last_put(obj, old);
}

/* The application's count. NULL is harmless. Over-release aborts. Context: any thread. */
static inline void *bri_object_retain(void *ptr)
{
	struct bri_object *obj = ptr;
	int32_t old;

	if (!bri_object_is_counted(obj))
		return ptr;
	old = atomic_fetch_add_explicit(&obj->ext, 1, memory_order_relaxed);
	if (BRI_UNLIKELY(old <= 0))
		bri_object_first_retain(obj, old);
	return ptr;
}

static inline void bri_object_release(void *ptr)
{
	struct bri_object *obj = ptr;
	int32_t old;

	if (!bri_object_is_counted(obj))
		return;
	if (bri_object_is_sole(obj, 1)) {
		old = 1;
		atomic_store_explicit(&obj->ext, 0, memory_order_relaxed);
	} else {
		old = atomic_fetch_sub_explicit(&obj->ext, 1, memory_order_acq_rel);
	}
	if (old <= 1)
		bri_object_last_release(obj, old);
}

/* bri_object_is(): obj is not NULL and of this kind. What public functions check arguments with. */
static inline bool bri_object_is(const void *obj, enum bri_kind kind)
{
	return obj && ((const struct bri_object *)obj)->cls->kind == kind;
}

#endif
