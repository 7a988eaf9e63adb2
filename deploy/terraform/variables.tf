variable "project" {
  description = "The Google project, by its id."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "A region, not a multi-region, so that you can say where the images are."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region is written like europe-west3."
  }
}

variable "bucket" {
  description = "The bucket for DVC's remote and for jobs. Nothing else should live in it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, hyphens and underscores."
  }
}

variable "readers" {
  description = "Who may pull data and models, such as group:breastseg-readers@clinic.example."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for reader in var.readers : can(regex("^(user|group|serviceAccount):[^@]+@[^@]+$", reader))])
    error_message = "A reader is written like group:NAME@DOMAIN, user:… or serviceAccount:…: never allUsers."
  }
}

variable "repository" {
  description = "The repository on GitHub whose CI may pull, as OWNER/NAME; null makes no way in for CI."
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "A repository is written as OWNER/NAME."
  }
}

variable "image" {
  description = "The serving image in the registry, with its version; null until one is pushed, and then there is no service."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("-docker\\.pkg\\.dev/.+/breastseg-serve(:[^:@]+|@sha256:[0-9a-f]{64})$", var.image))
    error_message = "An image is written as REGION-docker.pkg.dev/PROJECT/breastseg/breastseg-serve:VERSION."
  }

  validation {
    condition     = var.image == null || !endswith(coalesce(var.image, "none"), ":latest")
    error_message = "Name a version, so that what runs is what was asked for; latest is none."
  }
}

variable "callers" {
  description = "Who may send images, beside having a key, such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for caller in var.callers : can(regex("^(user|group|serviceAccount):[^@]+@[^@]+$", caller))])
    error_message = "A caller is written like serviceAccount:NAME@DOMAIN, user:… or group:…: never allUsers."
  }
}

variable "alert_emails" {
  description = "Who hears of alerts."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "An address is written like NAME@DOMAIN."
  }
}

variable "uptime_host" {
  description = "The host under which the public reaches the service, once a load balancer makes it so; null asks nobody from outside."
  type        = string
  default     = null

  validation {
    condition     = var.uptime_host == null || can(regex("^[a-z0-9.-]+$", var.uptime_host))
    error_message = "A host is written like breastseg.clinic.example, without https:// and without a path."
  }
}
