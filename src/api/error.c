/* nw_error: a domain and a number. Knows nothing of where errors come from. */
#include "api/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "cf/cf.h"

BRI_CF_CONSTANT(kNWErrorDomainPOSIX, "kNWErrorDomainPOSIX");
BRI_CF_CONSTANT(kNWErrorDomainDNS, "kNWErrorDomainDNS");
BRI_CF_CONSTANT(kNWErrorDomainTLS, "kNWErrorDomainTLS");
BRI_CF_CONSTANT(kNWErrorDomainWiFiAware, "kNWErrorDomainWiFiAware");

struct nw_error {
	struct bri_object base;
	nw_error_domain_t domain;
	int code;
};

/* Linux's highest errno is 133 (EHWPOISON); a power of two leaves room for new ones */
#define POSIX_ERRORS 256

static struct nw_error posix_errors[POSIX_ERRORS];
static pthread_once_t posix_once = PTHREAD_ONCE_INIT;

static void destroy(struct bri_object *obj)
{
	free(obj);
}

static const struct bri_class error_class = {
	.name = "nw_error",
	.kind = BRI_KIND_ERROR,
	.destroy = destroy,
};

static void fill_posix_errors(void)
{
	for (int i = 0; i < POSIX_ERRORS; i++) {
		bri_object_init(&posix_errors[i].base, &error_class);
		atomic_store(&posix_errors[i].base.ext, BRI_IMMORTAL);
		posix_errors[i].domain = nw_error_domain_posix;
		posix_errors[i].code = i;
	}
}

nw_error_t bri_error_new(nw_error_domain_t domain, int code)
{
	struct nw_error *error;

	pthread_once(&posix_once, fill_posix_errors);
	if (domain == nw_error_domain_posix && code >= 0 && code < POSIX_ERRORS)
		return &posix_errors[code];
	error = bri_object_new(&error_class, sizeof(*error));
	if (!error)
		return &posix_errors[ENOMEM];
	error->domain = domain;
	error->code = code;
	return error;
}

nw_error_domain_t nw_error_get_error_domain(nw_error_t error)
{
	if (!bri_object_check(error, BRI_KIND_ERROR, __func__))
		return nw_error_domain_invalid;
	return error->domain;
}

int nw_error_get_error_code(nw_error_t error)
{
	if (!bri_object_check(error, BRI_KIND_ERROR, __func__))
		return 0;
	return error->code;
}

static CFStringRef cf_domain(nw_error_domain_t domain)
{
	switch (domain) {
	case nw_error_domain_posix: return kNWErrorDomainPOSIX;
	case nw_error_domain_dns: return kNWErrorDomainDNS;
	case nw_error_domain_tls: return kNWErrorDomainTLS;
	case nw_error_domain_wifi_aware: return kNWErrorDomainWiFiAware;
	case nw_error_domain_invalid: break;
	}
	return CFSTR("kNWErrorDomainInvalid");
}

/* +1; NULL: there are none */
static CFStringRef words_of(nw_error_t error)
{
	const char *text;

	if (error->domain == nw_error_domain_tls)
		return SecCopyErrorMessageString(error->code, NULL);
	if (error->domain != nw_error_domain_posix)
		return NULL;
	text = strerrordesc_np(error->code);
	return text ? bri_cf_string_new(text, strlen(text)) : NULL;
}

CFErrorRef nw_error_copy_cf_error(nw_error_t error)
{
	CFDictionaryRef info = NULL;
	CFStringRef words;
	CFErrorRef cf;

	if (!bri_object_check(error, BRI_KIND_ERROR, __func__))
		return NULL;
	words = words_of(error);
	if (words) {
		const void *key = kCFErrorLocalizedDescriptionKey, *value = words;

		info = CFDictionaryCreate(NULL, &key, &value, 1, &kCFTypeDictionaryKeyCallBacks,
			&kCFTypeDictionaryValueCallBacks);
	}
	cf = CFErrorCreate(NULL, cf_domain(error->domain), error->code, info);
	CFRelease(words);
	CFRelease(info);
	return cf;
}
