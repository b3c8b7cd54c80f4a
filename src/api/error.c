/* nw_error: a domain and a number. Knows nothing of where errors come from. */
#include "api/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

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
