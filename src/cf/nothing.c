/* replaced by the first file of this directory */
typedef int bri_cf_nothing;
