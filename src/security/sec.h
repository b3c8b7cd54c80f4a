/*
 * What the files of public functions share. The nullability of public headers is for programs: here
 * every argument may be NULL. Before any other public header.
 */
#ifndef BRI_SECURITY_SEC_H
#define BRI_SECURITY_SEC_H

#include <os/base.h>
#undef OS_ASSUME_NONNULL_BEGIN
#undef OS_ASSUME_NONNULL_END
#define OS_ASSUME_NONNULL_BEGIN
#define OS_ASSUME_NONNULL_END
#define _Nullable
#define _Nonnull

#include <braid/security.h>
#include <Security/Security.h>
#include "cf/cf.h"
#include "security/security.h"

/* the same pointers under three names */
#define bri_sec_certificate(obj) ((struct bri_certificate *)(void *)(obj))
#define bri_sec_identity(obj)    ((struct bri_identity *)(void *)(obj))
#define bri_sec_trust(obj)       ((struct bri_trust *)(void *)(obj))

struct __SecPolicy {
	struct bri_object base;
	bool is_tls;
	bool peer_is_client;
	char *host; /* NULL: any */
};

/* bri_sec_words(): for an errSec or errSSL number; static, NULL: not known */
const char *bri_sec_words(OSStatus status);
/* bri_sec_status_of(): the errSec number of a verdict */
OSStatus bri_sec_status_of(int verdict);
/* bri_sec_key_new(): the public key of a certificate, +1; NULL: it has none that can be read */
SecKeyRef bri_sec_key_new(const struct bri_certificate *certificate);
/* bri_sec_chain(): an array of certificates, +1 */
CFArrayRef bri_sec_chain(struct bri_certificate *const *certificates, size_t n);

#endif
