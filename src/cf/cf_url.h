/* URLs of files. Knows nothing of other schemes than that there are some. */
#ifndef BRI_CF_URL_H
#define BRI_CF_URL_H

#include "cf/cf.h"

/* bri_cf_url_path(): the path of a file URL, malloc'd, without a slash at the end; else NULL. */
char *bri_cf_url_path(CFURLRef url);

#endif
