/* nw_error: a domain and a number. Made only at the boundary; the layers below return -errno. */
#ifndef BRI_API_ERROR_H
#define BRI_API_ERROR_H

#include "api/object.h"

/*
 * bri_error_new(): an error object.
 *   code   in nw_error_domain_posix: a positive errno
 * Returns +1, never NULL: POSIX errors are static (programs keep the pointer after the handler
 * returned), and where there is no memory for another one it is POSIX ENOMEM.
 * Context: any thread.
 */
nw_error_t bri_error_new(nw_error_domain_t domain, int code);

#endif
